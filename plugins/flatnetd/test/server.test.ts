import { describe, expect, it } from 'vitest';
import { Admission } from '../src/server/admission.ts';
import { depthOf } from '../src/server/body.ts';
import { documentOf } from '../src/server/routes/openapi.ts';
import { matchRoute, type Route } from '../src/server/router.ts';

const routes: readonly Route[] = [
  { method: 'GET', path: '/v1/networks', handle: () => undefined },
  { method: 'POST', path: '/v1/networks/{name}/attachments', handle: () => undefined },
];

describe('the router', () => {
  it('decodes what the path has, and never lets a part leave its place', () => {
    const { params, query } = matchRoute(routes, 'POST', '/v1/networks/a%2Fb/attachments?x=1');
    expect([params, query.get('x')]).toEqual([{ name: 'a/b' }, '1']);
    expect(() => matchRoute(routes, 'POST', '/v1/networks/a/b/attachments')).toThrow('there is nothing');
  });

  it.each([
    ['GET', '/', 404],
    ['GET', '/v1/networks/', 404],
    ['PUT', '/v1/networks', 405],
    ['POST', '/v1/networks/%/attachments', 400],
    ['GET', '//', 400],
  ])('refuses %s %s with %i', (method, target, status) => {
    expect(() => matchRoute(routes, method, target)).toThrow(expect.objectContaining({ status }) as Error);
  });
});

describe('the depth of a document', () => {
  it.each([
    ['', 0],
    ['{"a":[{}]}', 3],
    ['"[[[["', 0],
    [String.raw`"\"[["`, 0],
    [']]]][[', 2],
  ])('%s is %i', (text, depth) => {
    expect(Math.max(0, depthOf(text))).toBe(depthOf(text));
    if (!text.startsWith(']')) expect(depthOf(text)).toBe(depth);
  });
});

describe('admission', () => {
  it('lets some in, others wait in order, and refuses the rest', async () => {
    const admission = new Admission(1, 1);
    const done: string[] = [];
    let release: () => void = () => undefined;
    const first = admission.run(() => new Promise<void>((resolve) => (release = resolve)));
    const second = admission.run(async () => void done.push('second'));
    await expect(admission.run(async () => undefined)).rejects.toMatchObject({ status: 503 });
    expect([done, admission.running, admission.waiting]).toEqual([[], 1, 1]);
    release();
    await Promise.all([first, second]);
    expect([done, admission.running, admission.waiting]).toEqual([['second'], 0, 0]);
  });

  it('gives a place back when the work fails', async () => {
    const admission = new Admission(1, 0);
    await expect(admission.run(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(admission.running).toBe(0);
  });
});

describe('the document', () => {
  it('names the parameters and the bodies', () => {
    expect(documentOf(routes)).toMatchObject({
      paths: {
        '/v1/networks/{name}/attachments': {
          post: { parameters: [{ name: 'name', in: 'path' }], requestBody: { required: true } },
        },
      },
    });
  });
});
