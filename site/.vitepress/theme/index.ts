import DefaultTheme from 'vitepress/theme-without-fonts';
import { withBase } from 'vitepress';
import { h } from 'vue';
import './site.css';
import './playground.css';

/** The theme's own page has no main part. */
const NotFound = () =>
  h('main', { class: 'home' }, [
    h('h1', 'There is no such page'),
    h('p', [
      'It may have moved: try the search, or ',
      h('a', { href: withBase('/') }, 'begin anew'),
    ]),
  ]);

export default {
  extends: DefaultTheme,
  Layout: () => h(DefaultTheme.Layout, null, { 'not-found': NotFound }),
};
