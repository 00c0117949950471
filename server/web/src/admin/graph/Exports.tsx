/** Links that download a version or a draft as a file. */
import { useShell } from '../shell';
import { FORMATS, exportUrl } from './graphApi';

const NAMES = { yaml: 'YAML', json: 'JSON', graphml: 'GraphML', xml: 'Open-PSA XML', csv: 'CSV' } as const;

export function Exports({ of }: { of: string }) {
  const { t } = useShell();
  return (
    <p class="exports">
      <span class="faint">{t('export')}</span>
      {FORMATS.map((format) => (
        <a key={format} href={exportUrl(of, format)} download>
          {NAMES[format]}
        </a>
      ))}
    </p>
  );
}
