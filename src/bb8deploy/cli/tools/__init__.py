"""Commands about bb8deploy itself: settings, codes, schemas, evidence."""
