"""Parcelwise: what is printed on a parcel."""
