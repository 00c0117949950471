/** The administrators' console. */
import { render } from 'preact';
import './admin.css';
import './safety.css';
import './graph/editor.css';
import './graph/forms.css';
import './graph/pages.css';
import './articles/articles.css';
import './learning/learning.css';
import './outages/outages.css';
import { Admin } from './Admin';

const root = document.getElementById('app');
if (root) render(<Admin />, root);
