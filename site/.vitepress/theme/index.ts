import DefaultTheme from 'vitepress/theme-without-fonts';
import './site.css';
import './playground.css';

export default DefaultTheme;
