/** The company's help page, with the chat as any other page would embed it. */
import { render } from 'preact';
import './help.css';
import { HELP_LANGUAGE, rememberedLanguage } from '../shared/language';
import { Help } from './Help';

const root = document.getElementById('app');
if (root) {
  const language = rememberedLanguage(HELP_LANGUAGE);
  render(<Help language={language} />, root);
  const chat = document.createElement('script');
  chat.src = '/widget.js';
  chat.async = true;
  // The page's language may be one that the visitor chose here earlier, which the widget cannot know.
  chat.dataset['locale'] = language;
  document.body.append(chat);
}
