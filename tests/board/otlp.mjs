// Messages of the OpenTelemetry protocol, as a node sends them: just what the tests need, so that every field can be given anything.

import { gzipSync } from 'node:zlib';
import { randomBytes } from 'node:crypto';

const CUMULATIVE = 2;

const varint = (number) => {
  let left = BigInt.asUintN(64, BigInt(number));
  const bytes = [];
  do {
    bytes.push(Number(left & 0x7fn) | (left > 0x7fn ? 0x80 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(bytes);
};
const tag = (field, wire) => varint((field << 3) | wire);
const number = (field, value) => Buffer.concat([tag(field, 0), varint(value)]);
const zigzag = (field, value) => number(field, value < 0 ? -2 * value - 1 : 2 * value);
const bytes = (field, ...parts) => {
  const all = Buffer.concat(parts);
  return Buffer.concat([tag(field, 2), varint(all.length), all]);
};
const string = (field, value) => bytes(field, Buffer.from(value));
const fixed = (field, value) => {
  const eight = Buffer.alloc(8);
  eight.writeBigUInt64LE(BigInt(value));
  return Buffer.concat([tag(field, 1), eight]);
};
const double = (field, value) => {
  const eight = Buffer.alloc(8);
  eight.writeDoubleLE(value);
  return Buffer.concat([tag(field, 1), eight]);
};

const anyValue = (value) => {
  if (value === null || value === undefined) return Buffer.alloc(0);
  if (typeof value === 'string') return string(1, value);
  if (typeof value === 'boolean') return number(2, value ? 1 : 0);
  if (typeof value === 'number') return Number.isInteger(value) ? number(3, value) : double(4, value);
  if (Array.isArray(value)) return bytes(5, ...value.map((item) => bytes(1, anyValue(item))));
  return bytes(6, ...attributes(1, value));
};
const attributes = (field, map) =>
  Object.entries(map).map(([key, value]) => bytes(field, string(1, key), bytes(2, anyValue(value))));

export const nanos = (milliseconds) => BigInt(Math.round(milliseconds)) * 1000000n;

/** A UUID of version 7. */
export function eventId(milliseconds = Date.now()) {
  const id = randomBytes(16);
  id.writeUIntBE(milliseconds, 0, 6);
  id[6] = 0x70 | (id[6] & 0x0f);
  id[8] = 0x80 | (id[8] & 0x3f);
  return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Logs: `events` are `{ name, body, at?, id?, severity?, attributes? }`, times in milliseconds. */
export function logs(resource, events) {
  const records = events.map((event) => {
    const at = nanos(event.at ?? Date.now());
    const more = { 'log.record.uid': event.id ?? eventId(event.at), ...event.attributes };
    return bytes(2, fixed(1, at), number(2, event.severity ?? 9), bytes(5, anyValue(event.body)), ...attributes(6, more), fixed(11, at), string(12, event.name));
  });
  return gzipSync(bytes(1, bytes(1, ...attributes(1, resource)), bytes(2, ...records)));
}

/** Metrics: `list` is `{ name, unit?, kind: 'gauge' | 'counter' | 'histogram', points: [{ attributes?, value, at?, start? }] }`. */
export function metrics(resource, list) {
  const encoded = list.map((metric) => {
    const points = metric.points.map((point) => {
      const at = nanos(point.at ?? Date.now());
      const start = nanos(point.start ?? point.at ?? Date.now());
      if (metric.kind === 'histogram') {
        const { counts, offset } = point.value;
        const total = counts.reduce((sum, count) => sum + count, 0);
        const buckets = bytes(8, zigzag(1, offset), bytes(2, ...counts.map(varint)));
        return bytes(1, ...attributes(1, point.attributes ?? {}), fixed(2, start), fixed(3, at), fixed(4, total), double(5, total / 100), zigzag(6, 3), buckets);
      }
      return bytes(1, fixed(2, start), fixed(3, at), double(4, point.value), ...attributes(7, point.attributes ?? {}));
    });
    const head = [string(1, metric.name), string(3, metric.unit ?? '')];
    if (metric.kind === 'counter') return bytes(2, ...head, bytes(7, ...points, number(2, CUMULATIVE), number(3, 1)));
    if (metric.kind === 'histogram') return bytes(2, ...head, bytes(10, ...points, number(2, CUMULATIVE)));
    return bytes(2, ...head, bytes(5, ...points));
  });
  return gzipSync(bytes(1, bytes(1, ...attributes(1, resource)), bytes(2, ...encoded)));
}
