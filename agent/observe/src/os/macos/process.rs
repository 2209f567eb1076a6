//! Processes, through `sysctl` and libproc.

use std::ffi::OsStr;
use std::io;
use std::mem::{size_of, zeroed};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::ptr::null_mut;
use std::time::Duration;

use jiff::Timestamp;
use libproc::file_info::{ListFDs, PIDFDInfo, PIDFDInfoFlavor, ProcFDInfo, ProcFDType, pidfdinfo};
use libproc::libproc::kinfo::KinfoProc;
use libproc::net_info::ProcFileInfo;
use libproc::proc_pid::{kproc_info_raw, listpidinfo, pidinfo, pidpath};
use libproc::processes::{ProcFilter, pids_by_type};
use libproc::task_info::TaskInfo;
use nix::libc;
use portreeve_core::order::Order as _;
use secrecy::zeroize::Zeroizing;

use crate::os::procargs::{self, ProcArgs};
use crate::os::{
    MAX_DESCRIPTORS, MAX_PROCESS_STRINGS, OpenFile, ProcessEntry, Variables, not_the_same, too_large, variables,
};

// The kernel fills these by their size: a struct of another size is not the one of the headers.
const _: () = assert!(size_of::<KinfoProc>() == 648);
const _: () = assert!(size_of::<VnodeDescriptor>() == 1200);

/// `p_stat` of a stopped process, `SSTOP` in `<sys/proc.h>`.
const STOPPED: i8 = 4;
/// `p_stat` of a process that ended, `SZOMB` in `<sys/proc.h>`.
const ZOMBIE: i8 = 5;
/// `fi_openflags` of a descriptor open for writing, `FWRITE` in `<sys/fcntl.h>`.
const OPEN_FOR_WRITING: u32 = 2;

/// Sockets are found by descriptors here: none is seen whose process gave them up.
#[expect(clippy::unnecessary_wraps, reason = "the contract of every system")]
pub(crate) fn is_any_ending() -> io::Result<bool> {
    Ok(false)
}

pub(crate) fn processes() -> io::Result<Vec<ProcessEntry>> {
    let timebase = Timebase::read()?;
    let mut block = Zeroizing::new(vec![0_u8; MAX_PROCESS_STRINGS]);
    let mut entries: Vec<ProcessEntry> =
        pids_by_type(ProcFilter::All)?.into_iter().filter_map(|pid| entry(pid, &timebase, &mut block)).collect();
    entries.order_by_key(|entry| entry.pid);
    entries.dedup_by_key(|entry| entry.pid);
    Ok(entries)
}

pub(crate) fn pids() -> io::Result<Vec<u32>> {
    pids_by_type(ProcFilter::All)
}

pub(crate) fn process(pid: u32) -> Option<ProcessEntry> {
    let mut block = Zeroizing::new(vec![0_u8; MAX_PROCESS_STRINGS]);
    entry(pid, &Timebase::read().ok()?, &mut block)
}

fn entry(pid: u32, timebase: &Timebase, block: &mut [u8]) -> Option<ProcessEntry> {
    let number = i32::try_from(pid).ok()?;
    let info = kernel_info(pid).ok()?;
    let zombie = info.kp_proc.p_stat == ZOMBIE;
    let start = info.kp_proc.p_un;
    let nanos = start.tv_usec.saturating_mul(1_000);
    let argv = process_arguments(number, block)
        .map(|parsed| parsed.argv.iter().map(|argument| String::from_utf8_lossy(argument).into_owned()).collect());
    let task = pidinfo::<TaskInfo>(number, 0).ok();
    Some(ProcessEntry {
        pid,
        ppid: u32::try_from(info.kp_eproc.e_ppid).unwrap_or(0),
        uid: Some(info.kp_eproc.e_ucred.cr_uid),
        started_at: Timestamp::new(start.tv_sec, nanos).ok().filter(|_| start.tv_sec > 0),
        start_raw: start_of(&info),
        exe: pidpath(number).ok().map(PathBuf::from),
        comm: text(&info.kp_proc.p_comm),
        argv: argv.unwrap_or_default(),
        stopped: info.kp_proc.p_stat == STOPPED,
        zombie,
        cpu: task.map(|task| timebase.span(task.pti_total_user.saturating_add(task.pti_total_system))),
        foreign_netns: None,
        foreign_pidns: false,
    })
}

/// Program name of a process that lives.
pub(crate) fn program(pid: u32) -> Option<String> {
    let info = kernel_info(pid).ok().filter(|info| info.kp_proc.p_stat != ZOMBIE)?;
    let path = i32::try_from(pid).ok().and_then(|number| pidpath(number).ok());
    let name = path.as_deref().and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty());
    Some(name.map_or_else(|| text(&info.kp_proc.p_comm), str::to_owned))
}

/// What the kernel says of a process to everybody.
pub(super) fn kernel_info(pid: u32) -> io::Result<KinfoProc> {
    let number = i32::try_from(pid).map_err(|_| io::Error::from(io::ErrorKind::NotFound))?;
    kproc_info_raw(number).map_err(|_| io::Error::from(io::ErrorKind::NotFound))
}

fn start_of(info: &KinfoProc) -> Option<u64> {
    u64::try_from(info.kp_proc.p_un.tv_sec).ok().filter(|seconds| *seconds > 0)
}

fn same(pid: u32, start: Option<u64>) -> io::Result<KinfoProc> {
    let info = kernel_info(pid)?;
    if start.is_some() && start_of(&info) != start {
        return Err(not_the_same(pid));
    }
    Ok(info)
}

/// Why a process was not shown, since the kernel gives one answer (`EINVAL`) for several reasons.
pub(super) fn refusal(pid: u32, otherwise: &str) -> io::Error {
    match kernel_info(pid) {
        Err(error) => error,
        Ok(info) => {
            let own = nix::unistd::geteuid();
            if own.is_root() || info.kp_eproc.e_ucred.cr_uid == own.as_raw() {
                io::Error::other(otherwise.to_owned())
            } else {
                io::Error::from(io::ErrorKind::PermissionDenied)
            }
        }
    }
}

/// Arguments and environment, into a block that holds the most there can be: a smaller one would be filled from the end.
fn process_arguments(pid: i32, block: &mut [u8]) -> Option<ProcArgs<'_>> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let mut size = block.len();
    // SAFETY: `name` has the three elements that are announced; `block` is exclusively borrowed and `size` is its length, which the
    // kernel does not write past and into which it puts the number of bytes written; nothing is set (null, 0).
    let status = unsafe { libc::sysctl(name.as_mut_ptr(), 3, block.as_mut_ptr().cast(), &raw mut size, null_mut(), 0) };
    if status != 0 {
        return None;
    }
    procargs::parse(block.get(..size)?)
}

pub(crate) fn environment(pid: u32, start: Option<u64>, wanted: &dyn Fn(&str) -> bool) -> io::Result<Variables> {
    same(pid, start)?;
    let number = i32::try_from(pid).map_err(io::Error::other)?;
    let mut block = Zeroizing::new(vec![0_u8; MAX_PROCESS_STRINGS]);
    let Some(parsed) = process_arguments(number, &mut block) else {
        return Err(refusal(pid, "the kernel does not show the environment"));
    };
    // The loader's own strings always follow, unless the system hides all of it, as it does for its protected programs.
    if parsed.environment.is_empty() {
        return Err(io::Error::from(io::ErrorKind::PermissionDenied));
    }
    let bytes: usize = parsed.argv.iter().chain(&parsed.environment).map(|string| string.len()).sum();
    if bytes >= MAX_PROCESS_STRINGS {
        return Err(too_large(pid));
    }
    let found = variables(parsed.environment.into_iter(), wanted);
    same(pid, start)?;
    Ok(found)
}

/// The descriptors of a process.
pub(super) fn descriptors(pid: u32) -> io::Result<Vec<ProcFDInfo>> {
    let number = i32::try_from(pid).map_err(io::Error::other)?;
    let mut room = 256;
    loop {
        let found = listpidinfo::<ListFDs>(number, room).map_err(|why| refusal(pid, &why))?;
        if found.len() < room || room >= MAX_DESCRIPTORS {
            return Ok(found);
        }
        room = room.saturating_mul(4);
    }
}

pub(crate) fn open_files(pid: u32, start: Option<u64>) -> io::Result<Vec<OpenFile>> {
    same(pid, start)?;
    let number = i32::try_from(pid).map_err(io::Error::other)?;
    let files = descriptors(pid)?
        .into_iter()
        .filter(|descriptor| matches!(ProcFDType::from(descriptor.proc_fdtype), ProcFDType::VNode))
        .filter_map(|descriptor| pidfdinfo::<VnodeDescriptor>(number, descriptor.proc_fd).ok())
        .map(|vnode| OpenFile { path: vnode.path(), writable: vnode.file.fi_openflags & OPEN_FOR_WRITING != 0 })
        .filter(|file| file.path.is_absolute())
        .collect();
    same(pid, start)?;
    Ok(files)
}

/// `struct vnode_fdinfowithpath` of `<sys/proc_info.h>`.
#[repr(C)]
struct VnodeDescriptor {
    file: ProcFileInfo,
    vnode: libc::vnode_info_path,
}

impl Default for VnodeDescriptor {
    fn default() -> Self {
        // SAFETY: the struct and all within it are plain C data (integers and arrays of them), for which all zero bytes are a value.
        unsafe { zeroed() }
    }
}

impl PIDFDInfo for VnodeDescriptor {
    fn flavor() -> PIDFDInfoFlavor {
        PIDFDInfoFlavor::VNodePathInfo
    }
}

impl VnodeDescriptor {
    fn path(&self) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&bytes(self.vnode.vip_path.as_flattened())))
    }
}

/// The characters before the first NUL.
pub(super) fn bytes(characters: &[libc::c_char]) -> Vec<u8> {
    characters.iter().map(|character| character.cast_unsigned()).take_while(|byte| *byte != 0).collect()
}

pub(super) fn text(characters: &[libc::c_char]) -> String {
    String::from_utf8_lossy(&bytes(characters)).into_owned()
}

/// Converts the kernel's units of time, which are not nanoseconds on Apple Silicon.
struct Timebase {
    numerator: u32,
    denominator: u32,
}

impl Timebase {
    #[expect(deprecated, reason = "the crate that libc points to instead would be a dependency for one call")]
    fn read() -> io::Result<Self> {
        let mut info = libc::mach_timebase_info { numer: 0, denom: 0 };
        // SAFETY: the pointer is to a struct on this stack frame that nothing else borrows; the call writes both of its fields and
        // nothing more.
        let status = unsafe { libc::mach_timebase_info(&raw mut info) };
        if status != 0 || info.denom == 0 {
            return Err(io::Error::other("the kernel's time base is not known"));
        }
        Ok(Self { numerator: info.numer, denominator: info.denom })
    }

    fn span(&self, units: u64) -> Duration {
        let nanos = u128::from(units) * u128::from(self.numerator) / u128::from(self.denominator);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }
}
