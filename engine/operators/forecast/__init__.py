"""`forecast`: whole groups are gathered, their series are gone on with, rows come out."""
