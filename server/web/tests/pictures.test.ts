// @vitest-environment jsdom
import { describe, expect, it, vi } from 'vitest';
import { mebibytes, refusal, uploadPicture } from '../src/shared/pictures';

describe('pictures', () => {
  it('takes photos and screenshots up to the limit', () => {
    expect(refusal({ type: 'image/png', size: 10 }, 10)).toBeNull();
    expect(refusal({ type: 'image/png', size: 11 }, 10)).toBe('pictureLarge');
    expect(refusal({ type: 'image/png', size: 11 }, 0)).toBeNull();
    expect(refusal({ type: 'image/svg+xml', size: 1 }, 10)).toBe('pictureType');
    for (const heic of [{ type: 'image/heic' }, { type: '', name: 'IMG_0001.HEIC' }, { type: 'image/heif', name: 'a.heif' }]) {
      expect(refusal({ ...heic, size: 1 }, 10)).toBe('pictureHeic');
    }
    expect(refusal({ type: '', name: 'heic.pdf', size: 1 }, 10)).toBe('pictureType');
    expect(mebibytes(10 * 1024 * 1024)).toBe(10);
  });

  it('sends a customer’s with the token, never with the header of our own pages', async () => {
    const fetched = vi.fn(async (_url: string, _init: RequestInit) => Response.json({ id: 'p', url: '/u', width: 2, height: 1 }, { status: 201 }));
    vi.stubGlobal('fetch', fetched);
    const file = new File(['x'], 'a.png', { type: 'image/png' });
    const picture = await uploadPicture('c 1', file, { token: 'secret', base: 'https://care.example.com' });
    expect(picture).toEqual({ id: 'p', url: '/u', width: 2, height: 1, alt: '' });
    const [url, init] = fetched.mock.calls[0] ?? ['', {}];
    expect(url).toBe('https://care.example.com/api/uploads?conversation=c+1');
    expect(init?.headers).toEqual({ Authorization: 'Bearer secret', 'Content-Type': 'image/png' });
    vi.unstubAllGlobals();
  });
});
