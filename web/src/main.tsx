import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Gate, browserEnvironment } from './data/gate';
import { readPageContext } from './data/session';
import { App } from './ui/App';
import './styles/base.css';
import './styles/page.css';
import './styles/store.css';
import './styles/webhooks.css';
import './styles/narrow.css';

const root = document.getElementById('root');
if (root !== null) {
  const gate = new Gate(browserEnvironment(readPageContext()));
  createRoot(root).render(
    <StrictMode>
      <App gate={gate} />
    </StrictMode>,
  );
  void gate.open();
}
