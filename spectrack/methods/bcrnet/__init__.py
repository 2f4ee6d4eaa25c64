"""BCR-Net: bands ranked by self-expression, grouped into composites, tracked as branches of one network.

The paper's modules: BIMM in `band_importance` (its encoder with SEM and CEM, its decoder with SDUB and SGRM, its
refinement), composites in `composers` and `composites`, CFRM in `contextual_refinement`, eq. (1) in `self_expression`.
"""
