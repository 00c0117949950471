/** The agents' desk. */
import { render } from 'preact';
import './desk.css';
import { Desk } from './Desk';

const root = document.getElementById('app');
if (root) render(<Desk />, root);
