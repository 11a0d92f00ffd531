// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cni/davit_bridge/lease_book.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/atomic_file.h"
#include "base/directory.h"
#include "base/file_io.h"
#include "cni/davit_bridge/invocation.h"

namespace davit::cni {
namespace {

constexpr char kBootId[] = "/proc/sys/kernel/random/boot_id";
constexpr char kBootNote[] = "boot";
constexpr std::array kNotes = {"last", "subnets", "rules"};  // as LeaseBook::Note
constexpr unsigned kLockSeconds = 30;

// "10.1.0.5+fd00::5,CONTAINER,INTERFACE". A container's id has no comma; the interface's name may have one.
std::string FileName(const Lease& lease) {
  std::string name;
  for (const IpAddress& address : lease.addresses) name += (name.empty() ? "" : "+") + address.ToString();
  return name + "," + lease.name.container_id + "," + lease.name.interface;
}

std::optional<Lease> ParseFileName(const std::string& name) {
  size_t first = name.find(',');
  size_t second = first == name.npos ? first : name.find(',', first + 1);
  if (second == name.npos || name.starts_with('.')) return std::nullopt;
  Lease lease{{name.substr(first + 1, second - first - 1), name.substr(second + 1)}, {}};
  for (size_t begin = 0; begin < first;) {
    size_t end = std::min(name.find('+', begin), first);
    Result<IpAddress> address = IpAddress::Parse(std::string_view(name).substr(begin, end - begin));
    if (!address) return std::nullopt;
    lease.addresses.push_back(*address);
    begin = end + 1;
  }
  return lease;
}

Result<UniqueFd> OpenDataDir(const std::string& data_dir) {
  std::error_code error;
  std::filesystem::create_directories(data_dir, error);
  if (error) return SystemError("make directory", data_dir, error.value());
  return OpenAt(AT_FDCWD, data_dir, O_RDONLY | O_DIRECTORY);
}

// Empty if there is no such file. Any other failure says nothing about what is in it.
Result<std::string> ReadIfPresent(int dir, const std::string& name) {
  Result<std::string> text = ReadFileAt(dir, name);
  if (!text && text.error().os_errno == ENOENT) return std::string();
  return text;
}

Result<> UnlinkIfPresent(int dir, const std::string& name) {
  if (unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return {};
  return SystemError("unlink", name);
}

// flock(2) ends with the process, however that ends. SIGALRM interrupts the wait.
Result<UniqueFd> Lock(int dir, const std::string& network) {
  UniqueFd lock = TRY(OpenAt(dir, "lock", O_RDWR | O_CREAT | O_NOFOLLOW, 0600));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  struct sigaction action{};
  action.sa_handler = [](int) {};
  sigaction(SIGALRM, &action, nullptr);
  alarm(kLockSeconds);
  int locked = flock(lock.get(), LOCK_EX);
  int error = errno;
  alarm(0);
  if (locked == 0) return lock;
  if (error == EINTR)
    return Fail(Code::kDeadlineExceeded, "lock network", network, "other runs of davit-bridge hold the lock");
  return SystemError("flock", network, error);
}

}  // namespace

std::string Lease::Key() const {
  return AttachmentKey(name.container_id, name.interface);
}

bool Lease::Holds(const IpAddress& address) const {
  return std::ranges::find(addresses, address) != addresses.end();
}

Result<LeaseBook> LeaseBook::Open(const std::string& data_dir, const std::string& network) {
  UniqueFd data = TRY(OpenDataDir(data_dir));
  UniqueFd dir = TRY(OpenPrivateDirectory(data.get(), network));
  UniqueFd lock = TRY(Lock(dir.get(), network));
  UniqueFd leases = TRY(OpenPrivateDirectory(dir.get(), "leases"));
  LeaseBook book(std::move(dir), std::move(leases), std::move(lock));
  TRY(book.ForgetEarlierBoot());
  TRY(book.Load());
  return book;
}

// The note about this boot is written with the first lease: on a full disk there is still a way to remove.
Result<> LeaseBook::ForgetEarlierBoot() {
  boot_noted_ = TRY(ReadIfPresent(dir_.get(), kBootNote)) == TRY(ReadFile(kBootId));
  if (boot_noted_) return {};
  for (const std::string& name : TRY(ListDirectory(leases_dir_.get())))
    if (ParseFileName(name)) TRY(UnlinkIfPresent(leases_dir_.get(), name));
  for (const char* note : kNotes) TRY(UnlinkIfPresent(dir_.get(), note));
  return UnlinkIfPresent(dir_.get(), kBootNote);
}

// The lock is ours: a temporary file is of a process that was killed while it wrote a lease.
Result<> LeaseBook::Load() {
  for (const std::string& name : TRY(ListDirectory(leases_dir_.get()))) {
    if (std::optional<Lease> lease = ParseFileName(name))
      leases_.push_back(std::move(*lease));
    else if (name.starts_with('.'))
      unlinkat(leases_dir_.get(), name.c_str(), 0);  // the next process tries again
  }
  return {};
}

const Lease* LeaseBook::Find(const AttachmentName& name) const {
  auto found = std::ranges::find(leases_, name, &Lease::name);
  return found != leases_.end() ? &*found : nullptr;
}

const Lease* LeaseBook::HolderOf(const IpAddress& address) const {
  auto found = std::ranges::find_if(leases_, [&](const Lease& lease) { return lease.Holds(address); });
  return found != leases_.end() ? &*found : nullptr;
}

Result<> LeaseBook::CheckFree(const AttachmentName& name) const {
  if (Find(name) == nullptr) return {};
  return Fail(Code::kAlreadyExists, "attach container", AttachmentKey(name.container_id, name.interface),
              "it is attached to this network already");
}

Result<> LeaseBook::Put(const Lease& lease, const std::string& ports_json) {
  TRY(CheckFree(lease.name));
  if (!boot_noted_)
    TRY(WriteFileAtomically(dir_.get(), kBootNote, TRY(ReadFile(kBootId)), 0600, Durability::kVolatile));
  boot_noted_ = true;
  TRY(WriteFileAtomically(leases_dir_.get(), FileName(lease), ports_json, 0600, Durability::kVolatile));
  leases_.push_back(lease);
  return {};
}

Result<> LeaseBook::Remove(const AttachmentName& name) {
  const Lease* lease = Find(name);
  if (lease == nullptr) return {};
  TRY(UnlinkIfPresent(leases_dir_.get(), FileName(*lease)));
  std::erase_if(leases_, [&](const Lease& other) { return other.name == name; });
  return {};
}

Result<> LeaseBook::ForgetPorts(const AttachmentName& name) {
  const Lease* lease = Find(name);
  if (lease == nullptr) return {};
  TRY(OpenAt(leases_dir_.get(), FileName(*lease), O_WRONLY | O_TRUNC | O_NOFOLLOW));
  return {};
}

Result<std::string> LeaseBook::PortsOf(const Lease& lease) const {
  return ReadFileAt(leases_dir_.get(), FileName(lease));
}

Result<std::string> LeaseBook::ReadNote(Note note) const {
  return ReadIfPresent(dir_.get(), kNotes[static_cast<size_t>(note)]);
}

Result<> LeaseBook::WriteNote(Note note, const std::string& text) {
  return WriteFileAtomically(dir_.get(), kNotes[static_cast<size_t>(note)], text, 0600,
                             Durability::kVolatile);
}

}  // namespace davit::cni
