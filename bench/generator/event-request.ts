import type { RequestTemplate } from '../wire.js';
import { headerLines } from './http-connection.js';

/** Digits of the number that makes each event's payload different, of a fixed width to keep the Content-Length. */
const NUMBER_DIGITS = 10;

const ORDER_HEAD =
  '{"order":{"id":"ord_8f3b2c1d","status":"paid","currency":"EUR","total":"149.90",' +
  '"customer":{"id":"cus_51f0a7","name":"Ada Example","country":"DE"},"items":[{"sku":"A-1001","quantity":2,' +
  '"price":"49.95"},{"sku":"B-2002","quantity":1,"price":"50.00"}]},"number":"';
const ORDER_TAIL = '"}';

/** What is seeded where nothing is sent. */
export const EVENT_PAYLOAD = `${ORDER_HEAD}${'0'.repeat(NUMBER_DIGITS)}${ORDER_TAIL}`;

const BODY_HEAD = `{"event_type":"order.created","source":"bench","payload":${ORDER_HEAD}`;
const BODY_TAIL = `${ORDER_TAIL}}`;

/** `POST /events` of one tenant, with an order of some 300 bytes. */
export function eventTemplate(apiKey: string, path = '/api/v1/events'): RequestTemplate {
  const length = BODY_HEAD.length + NUMBER_DIGITS + BODY_TAIL.length;
  const headers = {
    Host: '127.0.0.1',
    'X-API-Key': apiKey,
    'Content-Type': 'application/json',
    'Content-Length': String(length),
  };
  return { head: `POST ${path} HTTP/1.1\r\n${headerLines(headers)}\r\n${BODY_HEAD}`, tail: BODY_TAIL };
}

export const renderRequest = ({ head, tail }: RequestTemplate, number: number): string =>
  head + String(number).padStart(NUMBER_DIGITS, '0') + tail;
