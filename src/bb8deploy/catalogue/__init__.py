"""Every code of bb8deploy with its words: errors by area, and the rules of validate."""
