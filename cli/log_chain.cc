// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/log_chain.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "base/directory.h"
#include "base/file_io.h"

namespace davit::cli {
namespace {

constexpr char kLost[] = "output was lost: the log was rotated faster than it was read";
// No log has more. In a pod's directory there may be any number.
constexpr size_t kMostFiles = 128;
// How often the names are read again if they change at the same time. Rotations are seconds apart.
constexpr int kMostAttempts = 100;
constexpr size_t kDateLength = sizeof "20060102-150405" - 1;

// Where a name is in the order, the oldest first.
struct Place {
  enum class Kind : uint8_t { kDated, kNumbered, kNewest } kind;
  int64_t order;  // within the kind

  auto operator<=>(const Place&) const = default;
};

std::optional<int64_t> Number(std::string_view digits) {
  int64_t number = 0;
  const char* last = digits.data() + digits.size();
  auto [end, bad] = std::from_chars(digits.data(), last, number);
  bool whole = bad == std::errc() && end == last && digits[0] != '-';
  return whole ? std::optional(number) : std::nullopt;
}

// "0", "1", ... of the daemon's rotation or "20060102-150405" of the kubelet's.
std::optional<Place> PlaceOfSuffix(std::string_view suffix) {
  if (suffix.size() == kDateLength && suffix[8] == '-') {
    std::optional<int64_t> time = Number(std::string(suffix.substr(0, 8)) + std::string(suffix.substr(9)));
    return time ? std::optional(Place{Place::Kind::kDated, *time}) : std::nullopt;
  }
  std::optional<int64_t> number = Number(suffix);
  if (!number || *number > static_cast<int64_t>(kMostFiles)) return std::nullopt;
  return Place{Place::Kind::kNumbered, -*number};
}

std::optional<Place> PlaceOf(std::string_view name, std::string_view log) {
  if (!name.starts_with(log)) return std::nullopt;
  name.remove_prefix(log.size());
  if (name.empty()) return Place{Place::Kind::kNewest, 0};
  if (name.size() < 2 || name[0] != '.') return std::nullopt;
  return PlaceOfSuffix(name.substr(1));
}

}  // namespace

LogChain::LogChain(std::string path, UniqueFd directory)
    : path_(std::move(path)),
      name_(std::filesystem::path(path_).filename().string()),
      directory_(std::move(directory)) {}

LogChain::~LogChain() {
  if (stop_) eventfd_write(stop_.get(), 1);
}

Result<std::unique_ptr<LogChain>> LogChain::Open(const std::string& path) {
  std::string parent = std::filesystem::path(path).parent_path().string();
  UniqueFd directory = TRY(OpenAt(AT_FDCWD, parent, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  return std::unique_ptr<LogChain>(new LogChain(path, std::move(directory)));
}

Result<> LogChain::Extend() {
  MutexLock lock(mutex_);
  Found found = TRY(FindFiles());
  if (found.has_newest) TRY(DropRemoved(found));
  return Append(std::move(found));
}

// Dated files are for going on: at first the kubelet's rotation has compressed most of them.
Result<std::vector<std::string>> LogChain::ListNames() const {
  const bool begins = files_.empty();
  std::map<Place, std::string> places;
  Result<> listed = ForEachName(directory_.get(), [&](const std::string& name) -> Result<> {
    std::optional<Place> place = PlaceOf(name, name_);
    if (!place || (begins && place->kind == Place::Kind::kDated)) return {};
    places.emplace(*place, name);
    if (places.size() > kMostFiles) places.erase(places.begin());
    return {};
  });
  if (!listed && listed.error().os_errno != ENOENT)  // the directory is removed
    return std::unexpected(std::move(listed).error());
  std::vector<std::string> names;
  for (auto& [place, name] : places) names.push_back(std::move(name));
  return names;
}

// A rotation may move a file between two looks at names; so all are looked at twice.
Result<LogChain::Found> LogChain::FindFiles() const {
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const std::vector<std::string> names = TRY(ListNames());
    Found found;
    if (TRY(OpenFiles(names, found)) && TRY(AreStill(names, found))) return found;
  }
  return Fail(Code::kUnavailable, "read", path_, "its files are renamed all the time");
}

// False if one has just disappeared.
Result<bool> LogChain::OpenFiles(const std::vector<std::string>& names, Found& found) const {
  for (const std::string& name : names) {
    Result<UniqueFd> opened = OpenAt(directory_.get(), name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (!opened && opened.error().os_errno == ENOENT) return false;
    File file{.fd = TRY(std::move(opened))};
    struct stat st{};
    if (fstat(file.fd.get(), &st) < 0) return SystemError("fstat", name);
    if (!S_ISREG(st.st_mode)) return Fail(Code::kInvalidArgument, "read log", name, "not a regular file");
    file.device = st.st_dev;
    file.inode = st.st_ino;
    found.files.push_back(std::move(file));
    found.has_newest = found.has_newest || name == name_;
  }
  return true;
}

Result<bool> LogChain::AreStill(const std::vector<std::string>& names, const Found& found) const {
  if (TRY(ListNames()) != names) return false;
  for (size_t i = 0; i < names.size(); ++i) {
    struct stat st{};
    if (fstatat(directory_.get(), names[i].c_str(), &st, AT_SYMLINK_NOFOLLOW) < 0) return false;
    if (st.st_dev != found.files[i].device || st.st_ino != found.files[i].inode) return false;
  }
  return true;
}

// What a rotation has removed is lost, so that it can be freed. The first file is being read.
Result<> LogChain::DropRemoved(const Found& found) {
  for (size_t i = 1; i < files_.size();) {
    const File& file = files_[i];
    bool there = !file.fd || std::ranges::find(found.files, file) != found.files.end();
    if (there || TRY(WasNewest(file))) {
      ++i;
      continue;
    }
    files_.erase(files_.begin() + static_cast<ptrdiff_t>(i));
    if (i < files_.size()) files_[i].after_gap = true;
  }
  return {};
}

// The last known file is in the directory unless it was removed. If it was PATH then, the whole log was being
// removed, or somebody has replaced this file. Otherwise a rotation has removed it, and others with it that
// were never seen. Where there is no PATH, the others may be about to be removed, and are none to go on with.
Result<> LogChain::Append(Found found) {
  auto next = found.files.begin();
  bool gap = false;
  if (!files_.empty()) {
    const File& last = files_.back();
    auto known = std::ranges::find(found.files, last);
    bool removed = known == found.files.end() && last.fd;
    bool replaced = removed && TRY(WasNewest(last));
    gap = removed && (found.has_newest || !replaced);
    if (known != found.files.end())
      next = known + 1;
    else if (!found.has_newest || replaced)
      next = found.files.end() - (found.has_newest ? 1 : 0);
    if (gap && !found.has_newest) files_.push_back(File{.after_gap = true});
  }
  for (; next != found.files.end(); ++next) {
    if (!files_.empty() && std::ranges::find(files_, *next) != files_.end()) continue;  // it has two names
    next->after_gap = std::exchange(gap, false);
    files_.push_back(std::move(*next));
  }
  return {};
}

// A file that is removed keeps its last name for those that have it open (proc(5)).
Result<bool> LogChain::WasNewest(const File& file) const {
  char target[PATH_MAX];
  const std::string link = "/proc/self/fd/" + std::to_string(file.fd.get());
  ssize_t length = readlink(link.c_str(), target, sizeof target);
  if (length < 0) return SystemError("readlink", link);
  std::string_view name(target, static_cast<size_t>(length));
  constexpr std::string_view kDeleted = " (deleted)";
  if (name.ends_with(kDeleted)) name.remove_suffix(kDeleted.size());
  return name.substr(name.rfind('/') + 1) == name_;
}

size_t LogChain::size() const {
  MutexLock lock(mutex_);
  return files_.size();
}

int LogChain::first() const {
  MutexLock lock(mutex_);
  return files_.empty() ? -1 : files_.front().fd.get();
}

// Its one writer has switched if it has written to a later file. That a later file exists is not enough.
Result<bool> LogChain::IsFirstComplete() const {
  MutexLock lock(mutex_);
  for (size_t i = 1; i < files_.size(); ++i) {
    if (files_[i].after_gap) return true;
    struct stat st{};
    if (fstat(files_[i].fd.get(), &st) < 0) return SystemError("fstat", path_);
    if (st.st_size > 0) return true;
  }
  return false;
}

Result<> LogChain::LeaveFirst() {
  MutexLock lock(mutex_);
  files_.pop_front();
  if (!std::exchange(files_.front().after_gap, false)) return {};
  return Fail(Code::kDataLoss, "read log", path_, kLost);
}

Result<> LogChain::KeepUp() {
  if (stop_) return {};
  UniqueFd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) return SystemError("inotify_init1", path_);
  const std::string link = "/proc/self/fd/" + std::to_string(directory_.get());
  if (inotify_add_watch(inotify.get(), link.c_str(), IN_CREATE | IN_MOVED_TO) < 0)
    return SystemError("inotify_add_watch", path_);
  stop_ = UniqueFd(eventfd(0, EFD_CLOEXEC));
  if (!stop_) return SystemError("eventfd", path_);
  thread_ = std::jthread(
      [this, stop = stop_.get(), events = std::move(inotify)] { ExtendUntil(stop, events.get()); });
  return {};
}

// What keeps it from extending the chain keeps the reader from it, too, which reports it.
void LogChain::ExtendUntil(int stop, int inotify) {
  for (;;) {
    (void)Extend();
    pollfd waits[] = {{inotify, POLLIN, 0}, {stop, POLLIN, 0}};
    if (poll(waits, 2, -1) < 0 && errno != EINTR) return;
    if (waits[1].revents != 0) return;
    alignas(inotify_event) char events[4 << 10];
    while (read(inotify, events, sizeof events) > 0) {
    }
  }
}

}  // namespace davit::cli
