"""What notebooks need: to hear, to see, to record. See `ddsp.colab.colab_utils`."""
