"""What can go wrong with a photo, a request, a weights file or an optional package.

Mask2FaceError
├── InputError              the caller's picture or request is at fault; has an HTTP status
│   ├── BadImageError           400  the bytes don't decode
│   ├── TooLargeError           413  bytes, pixels, side or frames over a limit
│   ├── NotAnImageError         415  not JPEG, PNG, WebP or HEIC
│   ├── BadRequestError         422  a field that can't be used as it is
│   ├── NoFaceError             422  no face where one is needed
│   ├── NoMaskError             422  no masked face where one is needed
│   ├── ReferencePhotoError     422  a reference of no face, several, a masked, tiny or cut-off one
│   └── DrawnMaskError          422  a drawn mask of another size, on no face, or over all of one
├── WeightsError            our own file: missing, changed, or of another net
└── MissingPackageError     a setting needs an optional package that isn't installed
"""


class Mask2FaceError(Exception):
    """Base of everything this project raises on purpose."""


class InputError(Mask2FaceError):
    """The caller can fix it; `str(error)` says how."""

    status = 400
    slug = "bad-input"
    title = "The input can't be used"


class BadImageError(InputError):
    slug = "bad-image"
    title = "The image can't be decoded"


class TooLargeError(InputError):
    status = 413
    slug = "too-large"
    title = "The image is too large"


class NotAnImageError(InputError):
    status = 415
    slug = "not-an-image"
    title = "Not a supported image format"


class BadRequestError(InputError):
    status = 422
    slug = "bad-request"
    title = "A field of the request can't be used"


class NoFaceError(InputError):
    status = 422
    slug = "no-face"
    title = "No face found"


class NoMaskError(InputError):
    status = 422
    slug = "no-mask"
    title = "No mask found"


class ReferencePhotoError(InputError):
    status = 422
    slug = "bad-reference"
    title = "The reference photo can't be used"


class DrawnMaskError(InputError):
    status = 422
    slug = "bad-mask"
    title = "The mask can't be used"


class WeightsError(Mask2FaceError):
    """A weights file is missing, was changed, or belongs to another net."""


class MissingPackageError(Mask2FaceError):
    """A setting needs an optional package; the message says how to install it."""
