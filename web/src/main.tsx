import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Gate, browser } from './data/gate';
import { opened } from './data/session';
import { App } from './ui/App';
import './styles/base.css';
import './styles/page.css';
import './styles/store.css';
import './styles/narrow.css';

const root = document.getElementById('root');
if (root !== null) {
  const gate = new Gate(browser(opened()));
  createRoot(root).render(
    <StrictMode>
      <App gate={gate} />
    </StrictMode>,
  );
  void gate.open();
}
