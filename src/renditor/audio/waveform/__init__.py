"""Waveforms: how loud a sound is over time, as data in the formats of BBC audiowaveform and as pictures."""
