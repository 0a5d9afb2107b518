"""Platform adapters: each folder talks one platform and knows nothing of the others."""
