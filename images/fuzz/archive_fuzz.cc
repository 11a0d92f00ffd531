// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as the documents of an archive of images. A line "%% PATH" begins a file; of a file without a
// path, the path is that of a blob with its digest. "$N" stands for the digest and "#N" for the size of the
// N-th of these blobs (from 0), so that documents can name blobs that come before them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/file_io.h"
#include "images/archive/archived_image.h"
#include "images/archive/layout.h"
#include "images/digest.h"
#include "images/image_resolve.h"
#include "images/reference.h"

namespace davit::images {
namespace {

constexpr size_t kMaxFiles = 16;
constexpr size_t kMaxImages = 4;  // that are read
constexpr std::string_view kFileMark = "%% ";

// A staged archive on disk. The destructor removes it.
class Archive {
 public:
  Archive() {
    // Where files are pages in memory, if there is such a place.
    std::string pattern =
        access("/dev/shm", W_OK) == 0 ? "/dev/shm/davit-fuzz-XXXXXX" : "/tmp/davit-fuzz-XXXXXX";
    if (!mkdtemp(pattern.data())) std::abort();
    path_ = pattern;
    std::filesystem::create_directories(path_ / "blobs/sha256");
  }
  ~Archive() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  void Add(std::string_view text) {
    size_t line_end = text.find('\n');
    if (line_end == text.npos) return;
    std::string name(text.substr(0, line_end));
    std::string content = Filled(text.substr(line_end + 1));
    if (name.empty()) {
      blobs_.push_back({*Sha256Of(content), content.size()});
      name = BlobPath(blobs_.back().digest);
    }
    if (name != kIndexFile && name != kDockerFile && name != kLayoutFile && !name.starts_with("blobs/"))
      name = "file" + std::to_string(name.size());
    UniqueFd file(open((path_ / name).c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (file) (void)WriteAll(file.get(), content, name);
  }
  UniqueFd Open() const { return UniqueFd(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)); }

 private:
  struct Blob {
    std::string digest;
    size_t size = 0;
  };

  std::string Filled(std::string_view text) const {
    std::string filled;
    for (size_t i = 0; i < text.size(); ++i) {
      size_t blob = i + 1 < text.size() ? static_cast<size_t>(text[i + 1] - '0') : blobs_.size();
      bool stands = (text[i] == '$' || text[i] == '#') && blob < blobs_.size();
      if (!stands) {
        filled += text[i];
      } else {
        filled += text[i++] == '$' ? blobs_[blob].digest : std::to_string(blobs_[blob].size);
      }
    }
    return filled;
  }

  std::filesystem::path path_;
  std::vector<Blob> blobs_;
};

void Check(bool holds) {
  if (!holds) std::abort();
}

// What the loader relies on.
void CheckEntry(const ArchiveEntry& entry) {
  for (const std::string& tag : entry.tags) {
    auto reference = ParseReference(tag);
    Check(reference && reference->digest.empty() && reference->Normalised() == tag);
  }
  Check(entry.root.digest.empty() ? !entry.config_path.empty() : IsDigest(entry.root.digest));
}

void CheckImage(ArchivedImage image) {
  for (const Descriptor& layer : image.manifest.layers) Check(image.blobs.contains(layer.digest));
  Check(IsDigest(image.manifest.config.digest) && image.config_json.size() <= size_t{1} << 20);
  Check(VerifyDigest(image.config_json, image.manifest.config.digest, "config").has_value());
  ImageDocuments documents{std::move(image.manifest), std::move(image.manifest_json),
                           std::move(image.config_json), image.by_index};
  (void)DescribeImage(std::move(documents), "fuzz", HostPlatform());
}

void Read(std::string_view text) {
  Archive archive;
  for (size_t files = 0; files < kMaxFiles && text.starts_with(kFileMark); ++files) {
    size_t next = text.find("\n%% ", kFileMark.size());
    archive.Add(text.substr(kFileMark.size(), next == text.npos ? text.npos : next - kFileMark.size()));
    text.remove_prefix(next == text.npos ? text.size() : next + 1);
  }
  StagedFiles files(archive.Open());
  auto entries = ListArchive(files, HostPlatform());
  if (!entries) return;
  Interrupt interrupt([] { return true; });
  for (size_t i = 0; i < entries->size(); ++i) {
    CheckEntry((*entries)[i]);
    if (i >= kMaxImages) continue;
    auto image = ReadArchivedImage(files, (*entries)[i], HostPlatform(), interrupt);
    if (image) CheckImage(std::move(*image));
  }
}

}  // namespace
}  // namespace davit::images

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  davit::images::Read({reinterpret_cast<const char*>(data), size});
  return 0;
}
