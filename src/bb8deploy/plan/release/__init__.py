"""What a release and a publication do, step by step; pure."""
