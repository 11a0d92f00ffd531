// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/preload/preloader.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <sstream>
#include <utility>
#include <vector>

#include "base/directory.h"
#include "base/file_io.h"
#include "base/guarded.h"
#include "base/time.h"

namespace davit::images {
namespace {

constexpr std::array kArchives = {".tar", ".tar.gz", ".tar.zst"};
constexpr char kList[] = ".txt";
constexpr size_t kMaxList = 1 << 20;
constexpr int64_t kLongestPause = 12;  // times retry_ms
constexpr int kMostRetries = 5;        // of an archive
constexpr int64_t kNever = std::numeric_limits<int64_t>::max();
constexpr char kDirectory[] = "";  // stands for the directory among the names of files
constexpr char kNameless[] = "the archive names no repository for it: give it a tag, so that pods find it";

bool IsArchive(const std::string& name) {
  return std::ranges::any_of(kArchives, [&name](const char* suffix) { return name.ends_with(suffix); });
}

// False for what the same file would give again. A limit of ours has no errno, other than a full disk.
bool MayPass(const Error& error) {
  switch (error.code) {
    case Code::kInvalidArgument:
    case Code::kDataLoss:
    case Code::kNotFound:
    case Code::kUnimplemented:
      return false;
    case Code::kResourceExhausted:
      return error.os_errno != 0;
    default:
      return true;
  }
}

// The names in a list: one a line, without comments and blanks.
std::vector<std::string> NamesIn(const std::string& text) {
  std::vector<std::string> names;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    line.resize(std::min(line.find('#'), line.size()));
    size_t first = line.find_first_not_of(" \t\r");
    if (first == std::string::npos) continue;
    names.push_back(line.substr(first, line.find_last_not_of(" \t\r") - first + 1));
  }
  return names;
}

}  // namespace

Preloader::Preloader(Config config, ImageLoad::Context context, Report report)
    : config_(std::move(config)),
      context_(std::move(context)),
      report_(std::move(report)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      state_(config_.state_file) {}

Result<std::unique_ptr<Preloader>> Preloader::Start(Config config, ImageLoad::Context context,
                                                    Report report) {
  std::unique_ptr<Preloader> preloader(
      new Preloader(std::move(config), std::move(context), std::move(report)));
  if (!preloader->wake_) return SystemError("eventfd", "preloader");
  TRY(preloader->Watch());
  preloader->thread_ = std::thread([self = preloader.get()] { self->Run(); });
  return preloader;
}

Preloader::~Preloader() {
  stopping_ = true;
  (void)eventfd_write(wake_.get(), 1);
  if (thread_.joinable()) thread_.join();
}

void Preloader::LookAgain() {
  look_again_ = true;
  (void)eventfd_write(wake_.get(), 1);
}

// Watches first and then looks: a file that appears in between is seen twice at most.
Result<> Preloader::Watch() {
  watch_.reset();
  if (mkdir(config_.directory.c_str(), 0700) < 0 && errno != EEXIST)
    return SystemError("mkdir", config_.directory);
  watch_.emplace(TRY(DirectoryWatch::Start(config_.directory)));
  LookAtAll();
  return {};
}

void Preloader::LookAtAll() {
  auto directory = OpenAt(AT_FDCWD, config_.directory, O_RDONLY | O_DIRECTORY);
  auto names = directory ? ListDirectory(directory->get()) : std::unexpected(directory.error());
  if (!names) return Tell("", "", names.error());
  pending_.insert(names->begin(), names->end());
}

void Preloader::Run() {
  while (!stopping_) {
    RunGuarded("preloader", [this] {
      while (!stopping_ && !pending_.empty()) Process(pending_.extract(pending_.begin()).value());
      if (!stopping_) Wait();
    });
  }
}

// Until a file changes, or it is time to try again.
void Preloader::Wait() {
  pollfd entries[2] = {{wake_.get(), POLLIN, 0}, {watch_ ? watch_->fd() : -1, POLLIN, 0}};
  int ready = poll(entries, 2, static_cast<int>(MsToNextRetry()));
  if (stopping_) return;
  if (ready > 0 && entries[1].revents != 0) TakeChanges();
  eventfd_t wakes;
  (void)eventfd_read(wake_.get(), &wakes);
  if (look_again_.exchange(false)) {
    LookAtAll();
    for (const auto& [name, retry] : retries_) pending_.erase(name);
  }
  TakeRetries();
}

void Preloader::TakeChanges() {
  auto changes = watch_->Take();
  if (!changes || changes->gone) {
    watch_.reset();
    pending_.insert(kDirectory);
    return;
  }
  for (const std::string& name : changes->files) {
    retries_.erase(name);
    failed_.erase(name);
  }
  pending_.merge(changes->files);
  if (changes->all) LookAtAll();
}

// As poll(2) takes it: -1 if there is none.
int64_t Preloader::MsToNextRetry() const {
  int64_t next = kNever;
  for (const auto& [name, retry] : retries_) next = std::min(next, retry.at_ms);
  return next == kNever ? -1 : std::max<int64_t>(0, next - MonotonicMilliseconds());
}

void Preloader::TakeRetries() {
  int64_t now = MonotonicMilliseconds();
  for (auto& [name, retry] : retries_) {
    if (retry.at_ms > now) continue;
    retry.at_ms = kNever;  // until it is known what becomes of this attempt
    pending_.insert(name);
  }
}

bool Preloader::RetryLater(const std::string& name) {
  Retry& retry = retries_[name];
  if (IsArchive(name) && retry.count++ == kMostRetries) return false;
  int64_t longer = std::clamp(2 * retry.pause_ms, config_.retry_ms, kLongestPause * config_.retry_ms);
  retry.pause_ms = IsArchive(name) ? longer : config_.retry_ms;
  retry.at_ms = MonotonicMilliseconds() + retry.pause_ms;
  return true;
}

void Preloader::Tell(const std::string& name, const std::string& image, std::optional<Error> error,
                     std::vector<std::string> warnings) const {
  if (stopping_) return;
  std::string file = name.empty() ? config_.directory : config_.directory + "/" + name;
  report_({std::move(file), image, std::move(error), std::move(warnings)});
}

// O_NONBLOCK, because a FIFO would block.
Result<Preloader::OpenedFile> Preloader::Open(const std::string& name) const {
  std::string path = config_.directory + "/" + name;
  OpenedFile file{TRY(OpenAt(AT_FDCWD, path, O_RDONLY | O_NONBLOCK)), {}};
  struct stat status;
  if (fstat(file.fd.get(), &status) < 0) return SystemError("fstat", path);
  if (!S_ISREG(status.st_mode)) return Fail(Code::kInvalidArgument, "open", path, "not a regular file");
  file.stamp = StampOf(status);
  return file;
}

bool Preloader::IsLoaded(const std::string& name, const FileStamp& stamp) const {
  const PreloadedImages* images = state_.Find(name, stamp);
  return images && HasAll(name, *images);
}

bool Preloader::HasFailedForGood(const std::string& name, const FileStamp& stamp) const {
  auto failed = failed_.find(name);
  return failed != failed_.end() && failed->second.stamp == stamp && !retries_.contains(name) &&
         HasAll(name, failed->second.images);
}

bool Preloader::HasAll(const std::string& name, const PreloadedImages& images) const {
  auto has = [this](const std::string& id) { return context_.images.Find(id).has_value(); };
  return std::ranges::all_of(images.ids, has) &&
         std::ranges::all_of(images.tags, [&](const PreloadedTag& tag) { return HaveTag(name, tag); });
}

// A tag that another image has got stays with it, also if that is incomplete. Nobody has a tag that was taken
// away: it is given back.
bool Preloader::HaveTag(const std::string& name, const PreloadedTag& tag) const {
  if (context_.images.Find(tag.tag, Which::kAny)) return true;
  bool given = context_.images.Tag(tag.id, tag.tag).has_value();
  if (given) Tell(name, tag.tag);
  return given;
}

void Preloader::Process(const std::string& name) {
  auto outcome = Load(name);
  if (!outcome) Tell(name, "", outcome.error());
  bool retry = outcome ? outcome->retry : name == kDirectory || MayPass(outcome.error());
  if (!retry || !RetryLater(name)) retries_.erase(name);
}

Result<Preloader::Outcome> Preloader::Load(const std::string& name) {
  if (name == kDirectory) TRY(Watch());
  if (!IsArchive(name) && !name.ends_with(kList)) return Outcome();
  auto opened = Open(name);
  bool removed = !opened && opened.error().code == Code::kNotFound;  // meanwhile
  if (removed) return Outcome();
  if (!opened) return std::unexpected(std::move(opened).error());
  if (IsLoaded(name, opened->stamp) || HasFailedForGood(name, opened->stamp)) return Outcome();
  auto outcome = LoadOpened(name, *opened);
  failed_[name] = {opened->stamp, outcome ? outcome->images : PreloadedImages()};
  if (outcome && outcome->complete) failed_.erase(name);
  return outcome;
}

Result<Preloader::Outcome> Preloader::LoadOpened(const std::string& name, const OpenedFile& file) {
  Outcome outcome = TRY(IsArchive(name) ? LoadArchive(name, file.fd.get()) : PullList(name, file.fd.get()));
  if (outcome.complete) TRY(state_.Put(name, file.stamp, outcome.images));
  return outcome;
}

Result<Preloader::Outcome> Preloader::LoadArchive(const std::string& name, int fd) {
  LoadReport loaded = TRY(LoadImages(context_, fd, interrupt_));
  Outcome outcome;
  for (const Error& failure : loaded.failures) {
    Tell(name, "", failure);
    outcome.complete = false;
    outcome.retry = outcome.retry || MayPass(failure);
  }
  for (LoadedImage& image : loaded.loaded) {
    TRY(context_.images.Pin(image.id));
    outcome.images.ids.push_back(image.id);
    std::vector<std::string> names = image.tags;
    names.insert(names.end(), image.digests.begin(), image.digests.end());
    for (const std::string& known_as : names) outcome.images.tags.push_back({known_as, image.id});
    if (names.empty()) image.warnings.push_back(kNameless);
    Tell(name, names.empty() ? image.id : names.front(), std::nullopt, image.warnings);
  }
  return outcome;
}

Result<std::string> Preloader::HaveImage(const std::string& reference) {
  auto image = context_.images.Find(reference);
  if (!image) {
    PullRequest request;
    request.reference = reference;
    request.cancelled = [this] { return stopping_.load(); };
    image = TRY(context_.images.Pull(request));
  }
  TRY(context_.images.Pin(image->id));
  return image->id;
}

Result<Preloader::Outcome> Preloader::PullList(const std::string& name, int fd) {
  Outcome outcome;
  for (const std::string& reference : NamesIn(TRY(ReadFd(fd, name, kMaxList)))) {
    TRY(interrupt_.Check());
    auto id = HaveImage(reference);
    Tell(name, reference, id ? std::optional<Error>() : id.error());
    if (id) outcome.images.ids.push_back(*id);
    if (id) outcome.images.tags.push_back({reference, *id});
    if (!id) outcome.complete = false;
    if (!id && id.error().code != Code::kInvalidArgument) outcome.retry = true;
  }
  return outcome;
}

}  // namespace davit::images
