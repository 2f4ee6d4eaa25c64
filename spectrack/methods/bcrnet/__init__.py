"""BCR-Net: bands ranked by self-expression, grouped into composites, tracked as branches of one network."""
