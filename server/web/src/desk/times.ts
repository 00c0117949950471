/** Until when a conversation may sleep, and other small readings of what agents enter; pure. */

export interface SnoozeChoice {
  name: 'hour' | 'evening' | 'tomorrow' | 'monday';
  until: Date;
}

const MORNING = 9;
const EVENING = 18;
const HOUR_MS = 3_600_000;
const MONDAY = 1;

/** The usual times by the agent's own clock, those that are still to come. */
export function snoozeChoices(now: Date): SnoozeChoice[] {
  const at = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const toMonday = (MONDAY - now.getDay() + 7) % 7 || 7;
  const choices: SnoozeChoice[] = [
    { name: 'hour', until: new Date(now.getTime() + HOUR_MS) },
    { name: 'evening', until: at(0, EVENING) },
    { name: 'tomorrow', until: at(1, MORNING) },
    { name: 'monday', until: at(toMonday, MORNING) },
  ];
  return choices.filter(
    ({ name, until }) => until > now && !(name === 'evening' && until.getTime() - now.getTime() < HOUR_MS) && !(name === 'monday' && toMonday === 1),
  );
}

/** Tags as they are typed: parted by commas of either language, each once. */
export const tagList = (value: string): string[] => [
  ...new Set(
    value
      .split(/[,，、;；]/)
      .map((tag) => tag.trim())
      .filter(Boolean),
  ),
];
