"""`forecast`: series on their grids, the models that go on with them, and how far these can be trusted."""
