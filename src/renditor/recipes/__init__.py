"""FLOW: asset -> renditions, as durable jobs.

A recipe is the list of things done after an upload. Its job survives the death of its worker: it is then done again
elsewhere, from the beginning, in a folder of its own, and only its end is visible:

    start the attempt -> check the original out -> provider makes and verifies everything in the job folder
    -> store the outputs -> one transaction makes them known and the asset ``completed``

``flow`` runs the attempts, ``recipe`` says what a recipe is, ``moving`` holds those of video and audio; ``publishing``
stores and makes known, ``progress`` tells how far it is, ``sweeps`` cleans up behind the dead.
"""
