"""Where model files come from: wheels, npm packages, the Hugging Face hub, ModelScope."""
