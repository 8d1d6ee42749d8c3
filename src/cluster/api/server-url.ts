import { FieldError } from './fields.ts';

/**
 * An address of an API server in the form of {@link Account.server}; `https://` is added where no scheme is given.
 * @throws FieldError naming the field.
 */
export function serverUrl(text: string, field: string): string {
  const url = urlOf(/^[^/]*$/.test(text) ? `https://${text}` : text);
  if (!url) throw new FieldError(`${field} is no address like https://host:port`);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw new FieldError(`${field} is neither https:// nor http://`);
  }
  if (url.username !== '' || url.password !== '') throw new FieldError(`${field} holds a user or a password`);
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}
