/** Line icons on a 24-unit grid; decorative, the control that holds one carries the words. */
import type { ComponentChildren } from 'preact';

const icon = (children: ComponentChildren) => () => (
  <svg
    class="icon"
    viewBox="0 0 24 24"
    width="20"
    height="20"
    fill="none"
    stroke="currentColor"
    stroke-width="1.8"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
  >
    {children}
  </svg>
);

export const ChatIcon = icon(
  <>
    <path d="M4 11.2C4 7.2 7.6 4 12 4s8 3.2 8 7.2-3.6 7.2-8 7.2c-1 0-2-.2-2.9-.5L4.9 20l1-3.6A6.8 6.8 0 0 1 4 11.2Z" />
    <path d="M8.8 11.3h.01M12 11.3h.01M15.2 11.3h.01" stroke-width="2.4" />
  </>,
);
export const DownIcon = icon(<path d="m6 9.5 6 6 6-6" />);
export const RightIcon = icon(<path d="m9.5 6 6 6-6 6" />);
export const CloseIcon = icon(<path d="m6.5 6.5 11 11m0-11-11 11" />);
export const MicrophoneIcon = icon(
  <>
    <path d="M9 6.5a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0Z" />
    <path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3" />
  </>,
);
export const StopIcon = icon(<path d="M7.5 7.5h9v9h-9Z" />);
export const SendIcon = icon(<path d="M12 19V5.5M6 11l6-6 6 6" stroke-width="2.2" />);
export const PersonIcon = icon(
  <>
    <path d="M5 13v-1.5a7 7 0 0 1 14 0V13" />
    <path d="M5 13.2c0-.7.5-1.2 1.2-1.2H8v5.5H6.6A1.6 1.6 0 0 1 5 15.9ZM19 13.2c0-.7-.5-1.2-1.2-1.2H16v5.5h1.4a1.6 1.6 0 0 0 1.6-1.6Z" />
    <path d="M18.5 17.2c-.6 1.8-2.2 2.8-5 2.8" />
  </>,
);
export const RestartIcon = icon(
  <>
    <path d="M5 12a7 7 0 1 0 2.2-5.1" />
    <path d="M6.8 3.4v3.8h3.8" />
  </>,
);
export const UpThumbIcon = icon(
  <path d="M7.5 11v8.5M4.5 12.5v5.5a1.5 1.5 0 0 0 1.5 1.5h10a2 2 0 0 0 2-1.6l1.2-5.4a1.6 1.6 0 0 0-1.6-2H13.5l.7-3.6a1.7 1.7 0 0 0-3.2-1.1L7.5 11H6a1.5 1.5 0 0 0-1.5 1.5Z" />,
);
export const DownThumbIcon = icon(
  <path d="M16.5 13V4.5m3 7V6A1.5 1.5 0 0 0 18 4.5H8a2 2 0 0 0-2 1.6l-1.2 5.4a1.6 1.6 0 0 0 1.6 2h4.1l-.7 3.6a1.7 1.7 0 0 0 3.2 1.1L16.5 13H18a1.5 1.5 0 0 0 1.5-1.5Z" />,
);
export const TickIcon = icon(<path d="m5.5 12.5 4.2 4.2L18.5 8" stroke-width="2.2" />);
export const ClockIcon = icon(
  <>
    <circle cx="12" cy="12" r="7.5" />
    <path d="M12 8v4.3l2.8 1.7" />
  </>,
);
export const AlertIcon = icon(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="M12 8v4.5M12 15.8h.01" stroke-width="2.2" />
  </>,
);
export const ArticleIcon = icon(
  <>
    <path d="M7 4.5h7l4 4v11H7a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1Z" />
    <path d="M13.8 4.7v4h4M9 12.5h6M9 15.8h4" />
  </>,
);
export const SearchIcon = icon(
  <>
    <circle cx="11" cy="11" r="6" />
    <path d="m15.6 15.6 4 4" />
  </>,
);
export const BellIcon = icon(
  <>
    <path d="M6.5 16.5V11a5.5 5.5 0 0 1 11 0v5.5l1.5 1H5Z" />
    <path d="M10.3 20h3.4" />
  </>,
);
export const BellOffIcon = icon(
  <>
    <path d="M6.5 16.5V11c0-.9.2-1.7.6-2.5m2-2.2A5.5 5.5 0 0 1 17.5 11v3.5M5 17.5h12" />
    <path d="M10.3 20h3.4M4.5 4.5l15 15" />
  </>,
);
export const KeysIcon = icon(
  <>
    <rect x="3.5" y="6.5" width="17" height="11" rx="2" />
    <path d="M7 10h.01M10.3 10h.01M13.7 10h.01M17 10h.01M8.5 14h7" stroke-width="2" />
  </>,
);
export const FilterIcon = icon(<path d="M4.5 6.5h15M7.5 12h9M10.5 17.5h3" />);
export const NoteIcon = icon(
  <>
    <rect x="6" y="11" width="12" height="8.5" rx="1.8" />
    <path d="M8.5 11V8.3a3.5 3.5 0 0 1 7 0V11" />
  </>,
);
export const SnoozeIcon = icon(<path d="M18.5 14.8A7.5 7.5 0 1 1 9.2 5.5a6 6 0 0 0 9.3 9.3Z" />);
export const TransferIcon = icon(<path d="M4.5 8.5h14m-4-4 4 4-4 4M19.5 15.5h-14m4 4-4-4 4-4" />);
export const BotIcon = icon(
  <>
    <rect x="5" y="8.5" width="14" height="10" rx="2.5" />
    <path d="M12 8.5V5M9.3 13.3h.01M14.7 13.3h.01" stroke-width="2.2" />
  </>,
);
export const DoneIcon = icon(
  <>
    <circle cx="12" cy="12" r="8" />
    <path d="m8.5 12.3 2.5 2.5 4.7-5.2" />
  </>,
);
export const BookIcon = icon(<path d="M12 6.5C10 5 7.5 4.8 4.5 5v13c3-.2 5.5 0 7.5 1.5 2-1.5 4.5-1.7 7.5-1.5V5c-3-.2-5.5 0-7.5 1.5Zm0 0v13" />);
export const SlashIcon = icon(
  <>
    <rect x="4.5" y="4.5" width="15" height="15" rx="3.5" />
    <path d="m13.8 8-3.6 8" />
  </>,
);
export const PictureIcon = icon(
  <>
    <rect x="4" y="5.5" width="16" height="13" rx="2" />
    <path d="m5 16.5 4.5-4.5 3.5 3.5 2.5-2.5 4 4M15.5 9.3h.01" />
  </>,
);
export const FlagIcon = icon(<path d="M6.5 20V4.8m0 .2c3-1.5 5 1.3 10.5 0v8.5c-5.5 1.3-7.5-1.5-10.5 0" />);
export const DownloadIcon = icon(<path d="M12 4.5v10m-4-4 4 4 4-4M5 18.5h14" />);
export const MailIcon = icon(
  <>
    <rect x="4" y="6" width="16" height="12.5" rx="2" />
    <path d="m5 8 7 5.5L19 8" />
  </>,
);
export const MoreIcon = icon(<path d="M6.5 12h.01M12 12h.01M17.5 12h.01" stroke-width="2.6" />);
export const EyeIcon = icon(
  <>
    <path d="M3.5 12c2-4 5-6 8.5-6s6.5 2 8.5 6c-2 4-5 6-8.5 6s-6.5-2-8.5-6Z" />
    <circle cx="12" cy="12" r="2.8" />
  </>,
);
export const ChartIcon = icon(<path d="M5 19.5v-6m4.7 6V8m4.6 11.5v-9M19 19.5V4.5" stroke-width="2.2" />);
export const TwoTicksIcon = icon(<path d="m2.8 12.8 3.7 3.7L14 8m-2.7 7.3 1.2 1.2L21.2 8" stroke-width="2" />);
export const BackIcon = icon(<path d="M14.5 6l-6 6 6 6" />);
export const StarIcon = icon(<path d="m12 4.5 2.3 4.8 5.2.7-3.8 3.6 1 5.2L12 16.2l-4.7 2.6 1-5.2L4.5 10l5.2-.7Z" />);
export const PhoneIcon = icon(<path d="M7 4.5h3l1.3 4-2 1.5a11 11 0 0 0 4.7 4.7l1.5-2 4 1.3v3a2 2 0 0 1-2.2 2A15.5 15.5 0 0 1 5 6.7a2 2 0 0 1 2-2.2Z" />);
export const SoundIcon = icon(<path d="M5 10v4h3l4 3.5v-11L8 10Zm10.5-1.5a5 5 0 0 1 0 7M18 6a8.5 8.5 0 0 1 0 12" />);
export const SoundOffIcon = icon(<path d="M5 10v4h3l4 3.5v-11L8 10Zm10.5 0 4.5 4.5m0-4.5-4.5 4.5" />);
export const TranslateIcon = icon(
  <>
    <path d="M3.5 6h9M8 3.8V6M11 6c-.6 3.4-3 6.2-6.8 7.8M5.6 8.6c1 2.3 3 4.1 5.6 5.2" />
    <path d="m11.8 20.2 4.2-9.7 4.2 9.7M13.2 17h5.6" />
  </>,
);
