// Says to screen readers which language the page has, and keeps the one that its reader chose for a year.
const YEAR_S = 365 * 24 * 3600;

export default function ({ data: { page, cookie, chosen } }) {
  document.documentElement.lang = page;
  if (chosen) document.cookie = `${cookie}=${chosen}; path=/; max-age=${YEAR_S}; samesite=strict`;
}
