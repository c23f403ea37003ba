import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Gate } from './data/gate';
import { App } from './ui/App';
import './panel.css';

const root = document.getElementById('root');
if (root !== null) {
  const gate = new Gate();
  createRoot(root).render(
    <StrictMode>
      <App gate={gate} />
    </StrictMode>,
  );
  void gate.open();
}
