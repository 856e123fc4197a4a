"""From sound files to records that models train on.

`prepare_tfrecord_lib.prepare_tfrecord` does it in a program, `ddsp_prepare_tfrecord` is
the command. Reading recordings needs the extra `train`, which loads on use.
"""
