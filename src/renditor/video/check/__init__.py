"""The checker of streams: whether an HLS or DASH set, of ours or of anyone, is what its playlists and manifest say.

findings  what can be wrong, each with its severity and the paragraph of the specification: one table
reading   where sets are read from (a folder; a server, see ``renditor.client``), and how far a hostile one may go
stream    a set as values: renditions, their segments, what is declared and what was found inside
contents, mpegts   looking inside segments
hls, dash          from playlists and manifests to these values
rules     what must hold of them
checker   all of it in order
"""
