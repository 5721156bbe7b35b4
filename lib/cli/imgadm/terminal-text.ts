/** What servers and files say, for the terminals of people. Pure. */

/** All control characters but tab and line feed. */
const steering = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** `text`, in which what would steer a terminal can be seen instead, as in JSON. */
export function shownText(text: string): string {
  return text.replace(steering, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
