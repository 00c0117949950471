/** The agents' desk. */
import { render } from 'preact';
import './desk.css';
import './queue.css';
import './talk.css';
import './writer.css';
import './context.css';
import './windows.css';
import './overview.css';
import './narrow.css';
import { Desk } from './Desk';

const root = document.getElementById('app');
if (root) render(<Desk />, root);
