"""One file a step in a model's life, one public function in each."""
