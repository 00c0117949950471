/** A picture that the customer is about to send: chosen, pasted or dropped, uploaded at once, shown until it is sent. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { ChatClient } from '../shared/chatClient';
import type { Picture } from '../shared/frames';
import { CloseIcon, PictureIcon } from '../shared/icons';
import { PICTURE_TYPES, mebibytes, refusal, uploadPicture } from '../shared/pictures';
import type { Refused } from '../shared/pictures';
import { RestError } from '../shared/rest';
import type { T } from './Log';

type Trouble = Refused | 'pictureFailed' | 'pictureMany' | 'pictureUnread';
const MANY = 409;
const NO_PICTURE = 422;

export interface PictureChoice {
  /** The picture as the browser shows it; null without one. */
  preview: string | null;
  uploaded: Picture | null;
  trouble: Trouble | null;
  take(file: File | null | undefined): void;
  drop(): void;
}

/** `limit`: bytes that a picture may have. */
export function usePicture(client: ChatClient, origin: string, limit: number): PictureChoice {
  const [preview, setPreview] = useState<string | null>(null);
  const [uploaded, setUploaded] = useState<Picture | null>(null);
  const [trouble, setTrouble] = useState<Trouble | null>(null);
  const attempt = useRef(0);

  const drop = useCallback(() => {
    attempt.current += 1;
    setPreview(null);
    setUploaded(null);
    setTrouble(null);
  }, []);

  const take = useCallback(
    (file: File | null | undefined) => {
      const { conversation, token } = client.state;
      if (!file || conversation === null || token === null) return;
      drop();
      const refused = refusal(file, limit);
      if (refused) return setTrouble(refused);
      const mine = attempt.current;
      setPreview(URL.createObjectURL(file));
      uploadPicture(conversation, file, { token, base: origin }).then(
        (picture) => mine === attempt.current && setUploaded(picture),
        (error: unknown) => {
          if (mine !== attempt.current) return;
          const status = error instanceof RestError ? error.status : 0;
          setPreview(null);
          setTrouble(status === MANY ? 'pictureMany' : status === NO_PICTURE ? 'pictureUnread' : 'pictureFailed');
        },
      );
    },
    [client, origin, limit, drop],
  );

  useEffect(() => {
    if (preview === null) return undefined;
    return () => URL.revokeObjectURL(preview);
  }, [preview]);

  return { preview, uploaded, trouble, take, drop };
}

export function PictureButton({ choice, t, disabled }: { choice: PictureChoice; t: T; disabled: boolean }) {
  const files = useRef<HTMLInputElement>(null);
  return (
    <>
      <button
        type="button"
        class="picture-button"
        disabled={disabled}
        aria-label={t('addPicture')}
        title={t('addPicture')}
        onClick={() => files.current?.click()}
      >
        <PictureIcon />
      </button>
      <input
        ref={files}
        type="file"
        accept={PICTURE_TYPES.join(',')}
        hidden
        aria-hidden="true"
        tabIndex={-1}
        onChange={(event) => {
          choice.take(event.currentTarget.files?.[0]);
          // The same file may be chosen again.
          event.currentTarget.value = '';
        }}
      />
    </>
  );
}

/** The picture above the text field, or why there is none. */
export function ChosenPicture({ choice, t, limit }: { choice: PictureChoice; t: T; limit: number }) {
  const { preview, uploaded, trouble } = choice;
  if (trouble !== null) {
    return (
      <div class="chosen warn" role="alert">
        <span>{t(trouble, { n: mebibytes(limit) })}</span>
        <button type="button" class="text-button" onClick={choice.drop}>
          {t('dismiss')}
        </button>
      </div>
    );
  }
  if (preview === null) return null;
  return (
    <div class="chosen">
      <img src={preview} alt={t('picture')} />
      <span role="status">{t(uploaded ? 'pictureReady' : 'pictureUploading')}</span>
      <button type="button" class="head-button" aria-label={t('removePicture')} title={t('removePicture')} onClick={choice.drop}>
        <CloseIcon />
      </button>
    </div>
  );
}
