//! A connection between the two processes.

use std::{
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    cmsg_space,
    net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    },
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, Interest},
    net::UnixStream,
};

use super::wire::{MOST, SOCKETS_BYTES};

/// The sockets of a process and the one of the conversation.
const SPACE: usize = cmsg_space!(ScmRights(MOST + 1));

pub(super) struct Link(UnixStream);

impl Link {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self(stream)
    }

    /// Who is at the other end, if it is somebody else than this process's user.
    pub(super) fn stranger(&self) -> io::Result<Option<u32>> {
        let uid = self.0.peer_cred()?.uid();
        Ok((uid != rustix::process::geteuid().as_raw()).then_some(uid))
    }

    pub(super) async fn say(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    /// Says it if that needs no waiting: it is a courtesy.
    pub(super) fn say_at_once(&self, byte: u8) {
        let _ = self.0.try_write(&[byte]);
    }

    pub(super) async fn hear<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).await?;
        Ok(bytes)
    }

    /// Says this much, and passes the sockets on with it.
    pub(super) async fn pass(
        &self,
        bytes: &[u8; SOCKETS_BYTES],
        sockets: &[BorrowedFd<'_>],
    ) -> io::Result<()> {
        let sent = self.0.async_io(Interest::WRITABLE, || {
            let mut space = [MaybeUninit::uninit(); SPACE];
            let mut control = SendAncillaryBuffer::new(&mut space);
            let fits = control.push(SendAncillaryMessage::ScmRights(sockets));
            assert!(fits, "no process has more than MOST sockets");
            let bytes = [IoSlice::new(bytes)];
            Ok(sendmsg(
                self.0.as_fd(),
                &bytes,
                &mut control,
                SendFlags::NOSIGNAL,
            )?)
        });
        match sent.await? {
            SOCKETS_BYTES => Ok(()),
            // An empty buffer takes ten bytes as a whole.
            _ => Err(io::ErrorKind::WriteZero.into()),
        }
    }

    /// Hears what [`pass`](Self::pass) says.
    pub(super) async fn receive(&self) -> io::Result<([u8; SOCKETS_BYTES], Vec<OwnedFd>)> {
        let mut bytes = [0; SOCKETS_BYTES];
        let mut sockets = Vec::new();
        let received = self.0.async_io(Interest::READABLE, || {
            let mut space = [MaybeUninit::uninit(); SPACE];
            let mut control = RecvAncillaryBuffer::new(&mut space);
            let mut slices = [IoSliceMut::new(&mut bytes)];
            // Not for the programs that this one starts.
            let flags = RecvFlags::CMSG_CLOEXEC;
            let message = recvmsg(self.0.as_fd(), &mut slices, &mut control, flags)?;
            for message in control.drain() {
                if let RecvAncillaryMessage::ScmRights(passed) = message {
                    sockets.extend(passed);
                }
            }
            Ok(message.bytes)
        });
        match received.await? {
            SOCKETS_BYTES => Ok((bytes, sockets)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
