/** Texts that the desk and the console share; every key of staffZh.ts. */
import type { Texts } from '.';
import type * as zh from './staffZh';

export const staff: Texts<typeof zh.staff> = {
  username: 'User name',
  password: 'Password',
  login: 'Sign in',
  loggingIn: 'Signing in…',
  loginFailed: 'The user name or the password is not right.',
  code: 'Code from your authenticator app',
  codeNeeded: 'Please add the 6-digit code from your authenticator app.',
  codeWrong: 'This code is not right or has been used. Please enter the current one.',
  loginLimited: 'Too many attempts. Please wait a while and try again.',
  networkFailed: 'The server cannot be reached. Please try again shortly.',
  logout: 'Sign out',
  language: '中文',
  languageLabel: '切换到中文',
  loadMore: 'Load more',
  loading: 'Loading…',
  loadFailed: 'This could not be loaded. Please try again.',
  tryAgain: 'Try again',
  cancel: 'Cancel',
  closeDialog: 'Close',
  notSaved: 'This could not be saved. Please try again.',
  save: 'Save',
};
