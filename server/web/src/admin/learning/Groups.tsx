/** Groups of similar messages that were not understood, each labelled as a whole or made a new intent. */
import { useState } from 'preact/hooks';
import { useLoad, Waiting } from '../load';
import { BLANK_INTENT, IntentDialog } from '../NewIntents';
import { useShell } from '../shell';
import { IntentChoice, LastAct, nameOf, useLabelling } from './labelling';
import { fetchGroups, fetchIntents, fetchMembers } from './reviewApi';
import type { Group, Verdict } from './reviewApi';

const SHOWN = 3;
const MOST_AT_ONCE = 500;

export function Groups() {
  const { t, lang, fail } = useShell();
  const loaded = useLoad(fetchGroups, []);
  const known = useLoad(fetchIntents, []);
  const [defining, setDefining] = useState<{ group: Group; examples: string[] } | null>(null);
  const intents = known.data ?? [];
  const labelling = useLabelling(intents, loaded.reload);

  const give = async (group: Group, verdict: Verdict, intent = '', named?: string) => {
    try {
      const ids = (await fetchMembers(group.id)).map((one) => one.id);
      await labelling.give(ids.slice(0, MOST_AT_ONCE), verdict, intent, undefined, named);
    } catch (error) {
      fail(error);
    }
  };
  const define = async (group: Group) => {
    try {
      const texts = (await fetchMembers(group.id)).map((one) => one.text);
      setDefining({ group, examples: [...new Set(texts)].slice(0, 20) });
    } catch (error) {
      fail(error);
    }
  };

  return (
    <>
      <LastAct labelling={labelling} />
      <Waiting of={loaded}>
        {({ groups, waiting }) => (
          <>
            {waiting > 0 && (
              <p class="faint">
                {t('groupsWaiting', { n: waiting })}{' '}
                <button type="button" class="text-button" onClick={loaded.reload}>
                  {t('groupsReload')}
                </button>
              </p>
            )}
            {groups.length === 0 ? (
              <p class="empty card">{t('groupsNone')}</p>
            ) : (
              <ul class="review">
                {groups.map((group) => (
                  <li class="card review-item" key={group.id}>
                    <h3 lang={group.language}>
                      {group.title}
                      <small>{t('groupSize', { n: group.size })}</small>
                    </h3>
                    <p class="faint" lang={group.language}>
                      {group.examples.join(' · ')}
                    </p>
                    <div class="proposals">
                      {group.looksNew && <span class="chip new">{t('groupNew')}</span>}
                      {group.proposals.slice(0, SHOWN).map((one) => (
                        <button type="button" class="button outline" key={one.intent} onClick={() => give(group, 'intent', one.intent)}>
                          {nameOf(intents, one.intent, lang)} <span class="faint">{Math.round(one.share * 100)}%</span>
                        </button>
                      ))}
                    </div>
                    <div class="proposals">
                      <button type="button" class={`button ${group.looksNew ? 'solid' : 'outline'}`} onClick={() => define(group)}>
                        {t('intentNew')}
                      </button>
                      <IntentChoice intents={intents} onTake={(intent) => give(group, 'intent', intent)} />
                      <button type="button" class="button outline" onClick={() => give(group, 'out_of_scope')}>
                        {t('verdict_out_of_scope')}
                      </button>
                      <button type="button" class="button outline" onClick={() => give(group, 'not_a_question')}>
                        {t('verdict_not_a_question')}
                      </button>
                    </div>
                  </li>
                ))}
              </ul>
            )}
          </>
        )}
      </Waiting>
      {defining && (
        <IntentDialog
          intent={{ ...BLANK_INTENT, name: defining.group.name, examples: defining.examples }}
          known={false}
          onClose={() => setDefining(null)}
          onSaved={(made) => {
            setDefining(null);
            known.reload();
            void give(defining.group, 'intent', made.name, made.label[lang]);
          }}
        />
      )}
    </>
  );
}
