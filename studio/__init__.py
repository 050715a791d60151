"""AIGC Studio: one brief in; ad copy, posters, voice-overs and captioned videos out."""
