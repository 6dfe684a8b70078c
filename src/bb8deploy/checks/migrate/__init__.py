"""The changes of 2025 and 2026 as a codemod: each step is pure, explained, and changes nothing twice."""
