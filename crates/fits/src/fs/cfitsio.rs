//! Compressed files through cfitsio: tile-compressed images (Rice, GZIP, ...) and whole files in gzip.
//!
//! cfitsio is a C library with paths, so this is the one place with files and foreign calls. It is asked for one
//! thing: an uncompressed copy, which the rest of this crate reads like any other file.

use std::ffi::{CStr, CString, c_char, c_int};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;
use std::sync::Mutex;

use fitsio::sys;

use crate::Error;

/// cfitsio keeps its table of open files in globals, and its bundled build is not reentrant.
static CFITSIO: Mutex<()> = Mutex::new(());

/// Writes an uncompressed copy of a FITS file: tile-compressed images become image HDUs, gzip is undone.
///
/// `to` must not exist; it is complete when this returns `Ok`. Keywords of the images are those before compression.
/// A primary HDU without data in front of a compressed image stays where it is.
///
/// # Errors
/// [`Error::Cfitsio`] with cfitsio's own words, inside [`Error::InFile`].
#[allow(unsafe_code)]
pub fn decompress(from: &Path, to: &Path) -> Result<(), Error> {
    let path = |path: &Path| {
        CString::new(path.as_os_str().as_bytes()).map_err(|_| {
            let message = "the path holds a NUL byte".to_string();
            Error::Cfitsio { action: "open it", message, status: 0 }.in_file(path)
        })
    };
    let (from_c, to_c) = (path(from)?, path(to)?);
    let _guard = CFITSIO.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let mut input = Handle(ptr::null_mut());
    let mut output = Handle(ptr::null_mut());
    let mut status: c_int = 0;
    let check = |status: c_int, action: &'static str| {
        if status == 0 { Ok(()) } else { Err(failure(status, action).in_file(from)) }
    };
    // SAFETY: every pointer handed over is a live local or a NUL-terminated string that outlives the call; handles
    // are used only after cfitsio opened them without an error and are closed once, by `Handle`; the mutex keeps
    // all other calls away.
    unsafe {
        sys::ffdkopn(&mut input.0, from_c.as_ptr(), 0, &mut status);
        check(status, "open it")?;
        sys::ffdkinit(&mut output.0, to_c.as_ptr(), &mut status);
        check(status, "create an uncompressed copy")?;
        let mut hdus: c_int = 0;
        sys::ffthdu(input.0, &mut hdus, &mut status);
        check(status, "count its HDUs")?;
        for hdu in 1..=hdus {
            let mut kind: c_int = 0;
            sys::ffmahd(input.0, hdu, &mut kind, &mut status);
            check(status, "read an HDU")?;
            if sys::fits_is_compressed_image(input.0, &mut status) != 0 {
                sys::fits_img_decompress(input.0, output.0, &mut status);
                check(status, "decompress an image")?;
            } else {
                sys::ffcopy(input.0, output.0, 0, &mut status);
                check(status, "copy an HDU")?;
            }
        }
        output.close(&mut status);
    }
    check(status, "write an uncompressed copy").inspect_err(|_| {
        let _ = fs::remove_file(to);
    })
}

/// An open cfitsio file, closed when dropped.
struct Handle(*mut sys::fitsfile);

impl Handle {
    #[allow(unsafe_code)]
    fn close(&mut self, status: &mut c_int) {
        if !self.0.is_null() {
            // SAFETY: the pointer came from cfitsio's open and is set to null, so it is closed once.
            unsafe { sys::ffclos(self.0, status) };
            self.0 = ptr::null_mut();
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close(&mut 0);
    }
}

/// cfitsio's words for a status.
#[allow(unsafe_code)]
fn failure(status: c_int, action: &'static str) -> Error {
    let mut text = [0 as c_char; 81];
    // SAFETY: cfitsio writes at most 31 bytes with a NUL; the array is longer and zeroed.
    let message = unsafe {
        sys::ffgerr(status, text.as_mut_ptr());
        CStr::from_ptr(text.as_ptr())
    };
    Error::Cfitsio { action, message: message.to_string_lossy().into_owned(), status }
}
