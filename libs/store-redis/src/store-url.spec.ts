import { describe, expect, it } from 'vitest';
import { isRedisUrl, parseRedisUrl } from './store-url';

describe('parseRedisUrl', () => {
  it('reads every form', () => {
    expect(parseRedisUrl('redis://cache')).toEqual({
      kind: 'single',
      nodes: [{ host: 'cache', port: 6379 }],
      masterName: undefined,
      database: 0,
      username: undefined,
      password: undefined,
      tls: false,
      prefix: 'mic',
      shown: 'redis://cache',
    });
    expect(parseRedisUrl('rediss://bob:p%40ss:word@cache:7000/3?prefix=shop-1')).toMatchObject({
      nodes: [{ host: 'cache', port: 7000 }],
      database: 3,
      username: 'bob',
      password: 'p@ss:word',
      tls: true,
      prefix: 'shop-1',
      shown: 'rediss://***@cache:7000/3',
    });
    expect(parseRedisUrl('redis://:secret@[::1]:7000')).toMatchObject({
      nodes: [{ host: '::1', port: 7000 }],
      username: undefined,
      password: 'secret',
    });
    expect(parseRedisUrl('redis+cluster://a:1,b:2,c')).toMatchObject({
      kind: 'cluster',
      nodes: [
        { host: 'a', port: 1 },
        { host: 'b', port: 2 },
        { host: 'c', port: 6379 },
      ],
    });
    expect(parseRedisUrl('redis+sentinel://a,b:2/primary/1')).toMatchObject({
      kind: 'sentinel',
      nodes: [
        { host: 'a', port: 26379 },
        { host: 'b', port: 2 },
      ],
      masterName: 'primary',
      database: 1,
    });
  });

  it.each([
    ['redis://', /"" is not host:port/],
    ['redis://a:b', /"a:b" is not host:port/],
    ['redis://a:99999', /not host:port/],
    ['redis://a,b', /several need \+cluster/],
    ['redis://a/x', /no database number/],
    ['redis+cluster://a/1', /one database/],
    ['redis+sentinel://a', /name of the master/],
    ['redis://a?prefix={x}', /a prefix is/],
    ['redis://a?db=1', /no parameter "db"/],
  ])('refuses %s', (url, message) => {
    expect(() => parseRedisUrl(url)).toThrow(message);
  });

  it.each([
    ['redis://bob:sec?ret@cache', /"\?" .* is written %3F/],
    ['redis://bob:a@b?ret=1@cache', /"\?" .* is written %3F/],
    ['redis://bob:sec?ret?too@cache', /"\?" .* is written %3F/],
    ['redis://:sec%ret@cache', /"%" .* is written %25/],
    ['rediss+cluster://b%b:sec@a', /"%" .* is written %25/],
  ])('refuses %s without a word of the password', (url, message) => {
    const refused = { code: 'INVALID_ARGUMENT', message: expect.stringMatching(message) };
    expect(() => parseRedisUrl(url)).toThrow(expect.objectContaining(refused));
    expect(() => parseRedisUrl(url)).not.toThrow(/sec|ret|b%b/);
  });

  it('tells Redis addresses from folders', () => {
    const addresses = ['redis://a', 'rediss+cluster://a', 'redis', '/var/redis', './redis:', 'http://a'];
    expect(addresses.map(isRedisUrl)).toEqual([true, true, false, false, false, false]);
  });
});
