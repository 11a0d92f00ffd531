// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/archive/image_save.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "base/json.h"
#include "base/json_object.h"
#include "images/archive/layout.h"
#include "images/archive/tar_writer.h"
#include "images/blob_source.h"
#include "images/digest.h"
#include "images/image_indexes.h"
#include "images/manifest.h"
#include "images/reference.h"

namespace davit::images {
namespace {

// What a name stands for in the archive: an index or the manifest.
struct Root {
  std::string name;  // may be empty
  std::string media_type;
  std::string digest;
  size_t size = 0;
};

// An image and what the archive says about it.
struct Entry {
  const ImageToSave& request;
  std::string manifest_digest;
  std::string manifest_type;
  Manifest manifest;
  std::vector<Root> roots = {};
  std::map<std::string, IndexDocument> indexes = {};  // that the archive has, by digest
};

Result<std::string> TypeOf(const std::string& document, std::string_view otherwise) {
  std::string type = TRY(JsonObject::Parse(document, "manifest")).String("mediaType");
  return type.empty() ? std::string(otherwise) : type;
}

bool IsKnownAs(const ImageSummary& image, const std::string& repo_digest) {
  return std::ranges::find(image.repo_digests, repo_digest) != image.repo_digests.end();
}

// From the index by which this repository has the image, to the manifest. If it has it by neither an index
// nor the manifest, as after `davit tag`: from the index of another repository.
std::vector<IndexDocument> PathFor(const std::string& repository, const Entry& entry) {
  const ImageRecord& image = entry.request.image;
  std::vector<IndexDocument> other;
  for (const IndexDocument& index : image.indexes) {
    bool outermost = std::ranges::any_of(
        image.repo_digests, [&](const std::string& known) { return known.ends_with("@" + index.digest); });
    if (!outermost) continue;
    std::vector<IndexDocument> path = PathToManifest(image, index.digest);
    if (!path.empty() && IsKnownAs(image, repository + "@" + index.digest)) return path;
    if (other.empty()) other = std::move(path);
  }
  bool by_manifest = IsKnownAs(image, repository + "@" + entry.manifest_digest);
  return by_manifest ? std::vector<IndexDocument>() : other;
}

Result<> AddRoot(const std::string& name, Entry& entry) {
  auto reference = ParseReference(name);
  bool by_digest = reference && !reference->digest.empty();
  std::vector<IndexDocument> path = by_digest ? PathToManifest(entry.request.image, reference->digest)
                                              : PathFor(reference ? reference->Name() : "", entry);
  bool unknown = by_digest && path.empty() && reference->digest != entry.manifest_digest;
  Root root{unknown ? "" : name, entry.manifest_type, entry.manifest_digest,
            entry.request.image.manifest_json.size()};
  if (!path.empty()) {
    const IndexDocument& index = path.front();
    root = {name, TRY(TypeOf(index.json, kOciIndexMediaType)), index.digest, index.json.size()};
  }
  entry.roots.push_back(std::move(root));
  for (IndexDocument& index : path) {
    std::string digest = index.digest;
    entry.indexes.emplace(std::move(digest), std::move(index));
  }
  return {};
}

Result<Entry> ReadEntry(const ImageToSave& request) {
  const std::string& json = request.image.manifest_json;
  Entry entry{request, "", "", {}};
  auto parsed = TRY(ParseManifest(json, ""));
  if (!std::holds_alternative<Manifest>(parsed))
    return Fail(Code::kInternal, "read", "manifest", "is an index");
  entry.manifest = std::get<Manifest>(std::move(parsed));
  if (entry.manifest.artifact)
    return Fail(Code::kUnimplemented, "save", request.image.id, "it is an artifact, not a container image");
  entry.manifest_digest = TRY(Sha256Of(json));
  entry.manifest_type = TRY(TypeOf(json, kOciManifestMediaType));
  for (const std::string& name : request.names) TRY(AddRoot(name, entry));
  if (request.names.empty()) TRY(AddRoot("", entry));
  return entry;
}

nlohmann::json ToJson(const Root& root) {
  nlohmann::json object = nlohmann::json::object();
  SetJsonMember(object, "mediaType", root.media_type);
  SetJsonMember(object, "digest", root.digest);
  SetJsonMember(object, "size", root.size);
  if (root.name.empty()) return object;
  nlohmann::json& annotations = JsonObjectMember(object, "annotations");
  SetJsonMember(annotations, kImageNameAnnotation, root.name);
  auto reference = ParseReference(root.name);
  if (reference && reference->digest.empty()) SetJsonMember(annotations, kRefNameAnnotation, reference->tag);
  return object;
}

// index.json: one entry for each name, as an entry has one.
std::string LayoutIndex(const std::vector<Entry>& entries) {
  nlohmann::json manifests = nlohmann::json::array();
  for (const Entry& entry : entries)
    for (const Root& root : entry.roots) manifests.push_back(ToJson(root));
  nlohmann::json index = nlohmann::json::object();
  SetJsonMember(index, "schemaVersion", 2);
  SetJsonMember(index, "mediaType", kOciIndexMediaType);
  SetJsonMember(index, "manifests", std::move(manifests));
  return PrintJson(index);
}

// manifest.json: Docker's short names, which are tags.
std::string DockerDocument(const std::vector<Entry>& entries) {
  nlohmann::json images = nlohmann::json::array();
  for (const Entry& entry : entries) {
    nlohmann::json tags = nlohmann::json::array();
    for (const std::string& name : entry.request.names) {
      auto reference = ParseReference(name);
      if (reference && reference->digest.empty()) tags.push_back(reference->Familiar());
    }
    nlohmann::json layers = nlohmann::json::array();
    for (const Descriptor& layer : entry.manifest.layers) layers.push_back(BlobPath(layer.digest));
    nlohmann::json image = nlohmann::json::object();
    SetJsonMember(image, "Config", BlobPath(entry.manifest.config.digest));
    SetJsonMember(image, "RepoTags", std::move(tags));
    SetJsonMember(image, "Layers", std::move(layers));
    images.push_back(std::move(image));
  }
  return PrintJson(images);
}

// Puts a blob into the archive. Nothing can be taken back there, so the member begins with the first byte: a
// source that has none may come before the one that has all. Use: BlobSource::Send, End.
class ArchiveFile : public BlobSink {
 public:
  ArchiveFile(TarWriter& archive, const Descriptor& blob) : archive_(archive), blob_(blob) {}

  Result<> Begin() override {
    if (!begun_) return {};
    return Fail(Code::kDataLoss, "save", "blob", "the source has sent wrong content");
  }
  Result<> Write(std::string_view piece) override {
    TRY(BeginOnce());
    return archive_.Write(piece);
  }
  // After the last byte, of which there may be none.
  Result<> End() { return BeginOnce(); }

 private:
  Result<> BeginOnce() {
    if (std::exchange(begun_, true)) return {};
    return archive_.BeginFile(BlobPath(blob_.digest), blob_.size);
  }

  TarWriter& archive_;
  const Descriptor& blob_;
  bool begun_ = false;
};

// One archive while it is written.
class Archive {
 public:
  Archive(ByteSink& sink, const Interrupt& interrupt) : tar_(sink), interrupt_(interrupt) {}

  Result<> AddDocuments(const std::vector<Entry>& entries) {
    TRY(tar_.AddFile(kLayoutFile, kLayoutDocument));
    TRY(tar_.AddFile(kIndexFile, LayoutIndex(entries)));
    TRY(tar_.AddFile(kDockerFile, DockerDocument(entries)));
    TRY(tar_.AddDirectory("blobs"));
    return tar_.AddDirectory("blobs/sha256");
  }

  Result<> AddImage(const Entry& entry, BlobSource& source) {
    const ImageRecord& image = entry.request.image;
    DocumentSource config(image.id, image.config_json);
    for (const auto& [digest, index] : entry.indexes) TRY(AddDocument(digest, index.json));
    TRY(AddDocument(entry.manifest_digest, image.manifest_json));
    TRY(AddBlob(entry.manifest.config, config));
    for (const Descriptor& layer : entry.manifest.layers) TRY(AddBlob(layer, source));
    return {};
  }

  Result<> Finish() { return tar_.Finish(); }

 private:
  Result<> AddDocument(const std::string& digest, const std::string& json) {
    DocumentSource document(digest, json);
    return AddBlob({"", digest, static_cast<int64_t>(json.size()), {}, {}}, document);
  }

  Result<> AddBlob(const Descriptor& blob, BlobSource& source) {
    TRY(interrupt_.Check());
    if (!written_.insert(blob.digest).second) return {};
    ArchiveFile file(tar_, blob);
    auto sent = source.Send(blob, file);
    if (sent) sent = file.End();
    if (!sent) return std::unexpected(Within(blob.digest, std::move(sent).error()));
    return {};
  }

  TarWriter tar_;
  const Interrupt& interrupt_;
  std::set<std::string> written_;  // digests
};

}  // namespace

Result<> ImageSaver::Save(const std::vector<ImageToSave>& images,
                          const std::vector<RegistryAuth>& source_auths, ByteSink& sink,
                          const Interrupt& interrupt) const {
  std::vector<Entry> entries;
  for (const ImageToSave& image : images) entries.push_back(TRY(ReadEntry(image)));
  Archive archive(sink, interrupt);
  TRY(archive.AddDocuments(entries));
  for (const Entry& entry : entries) {
    std::optional<StoredBlobSource> stored;
    if (blobs_) stored.emplace(*blobs_, interrupt);
    std::vector<std::string> repositories = entry.request.image.repo_digests;
    std::ranges::copy(entry.request.origins, std::back_inserter(repositories));
    RegistryBlobSource registries(repositories, source_auths, transfer_, interrupt);
    std::vector<BlobSource*> sources;
    if (stored) sources.push_back(&*stored);
    sources.push_back(&registries);
    BlobSources source(std::move(sources));
    if (auto added = archive.AddImage(entry, source); !added)
      return std::unexpected(Within("save " + entry.request.image.id, std::move(added).error()));
  }
  return archive.Finish();
}

}  // namespace davit::images
