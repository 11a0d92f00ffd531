// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/testing/fake_registry.h"

#include <algorithm>

#include "images/digest.h"

namespace davit::images {
namespace {

std::string PathOf(const FakeRequest& request) {
  return request.target.substr(0, request.target.find('?'));
}

// The decoded value of a query's parameter; empty if there is none.
std::string Parameter(const FakeRequest& request, const std::string& name) {
  size_t query = request.target.find('?');
  if (query == std::string::npos) return {};
  std::string text = "&" + request.target.substr(query + 1);
  size_t start = text.find("&" + name + "=");
  if (start == std::string::npos) return {};
  start += name.size() + 2;
  std::string value = text.substr(start, text.find('&', start) - start);
  for (size_t at = 0; (at = value.find('%', at)) != std::string::npos; ++at)
    value.replace(at, 3, 1, static_cast<char>(std::stoi(value.substr(at + 1, 2), nullptr, 16)));
  return value;
}

FakeResponse Found(const std::map<std::string, std::string>& objects, const std::string& key,
                   const FakeRequest& request) {
  auto object = objects.find(key);
  if (object == objects.end()) return {404, {}, request.method == "HEAD" ? "" : R"({"errors":[]})"};
  FakeResponse response = ServeRange({200, {}, object->second}, request);
  if (request.method != "HEAD") return response;
  response.content_length = static_cast<int64_t>(response.body.size());
  response.body.clear();
  return response;
}

}  // namespace

std::vector<std::string> FakeRegistry::Steps() {
  std::vector<std::string> steps;
  for (const FakeRequest& request : requests()) {
    bool upload = request.target.find("/blobs/uploads/") != std::string::npos;
    bool blob = request.target.find("/blobs/") != std::string::npos;
    steps.push_back(request.method + (upload ? " upload" : blob ? " blobs" : " manifests"));
  }
  return steps;
}

void FakeRegistry::StorePart(const FakeRequest& request, size_t bytes) {
  std::string path = PathOf(request);
  uploads_[path.substr(path.rfind('/') + 1)] += request.body.substr(0, bytes);
}

FakeResponse FakeRegistry::Answer(const FakeRequest& request) {
  std::lock_guard lock(mutex_);
  if (auto fault = fault_ ? fault_(*this, request) : std::nullopt) return std::move(*fault);
  std::string path = PathOf(request).substr(std::string("/v2/").size());
  std::string object = path.substr(path.rfind('/') + 1);
  if (size_t at = path.find("/blobs/uploads/"); at != std::string::npos) {
    std::string repository = path.substr(0, at);
    return object.empty() ? StartUpload(request, repository) : AnswerUpload(request, repository, object);
  }
  if (size_t at = path.find("/blobs/"); at != std::string::npos)
    return AnswerBlob(request, path.substr(0, at), object);
  return AnswerManifest(request, path.substr(0, path.find("/manifests/")), object);
}

FakeResponse FakeRegistry::AnswerBlob(const FakeRequest& request, const std::string& repository,
                                      const std::string& object) {
  return Found(blobs, repository + "@" + object, request);
}

FakeResponse FakeRegistry::AnswerManifest(const FakeRequest& request, const std::string& repository,
                                          const std::string& object) {
  bool digest = object.find(':') != std::string::npos;
  std::string key = repository + (digest ? "@" : ":") + object;
  if (request.method != "PUT") return Found(manifests, key, request);
  manifests[key] = request.body;
  manifest_types[key] = request.Header("content-type");
  return {201, {"Docker-Content-Digest: " + *Sha256Of(request.body)}, ""};
}

FakeResponse FakeRegistry::Located(int status, const std::string& repository, const std::string& id) {
  FakeResponse response{status, {"Location: /v2/" + repository + "/blobs/uploads/" + id + "?state=x"}, ""};
  size_t size = uploads_[id].size();
  response.headers.push_back("Range: 0-" + std::to_string(size > 0 ? size - 1 : 0));
  return response;
}

FakeResponse FakeRegistry::StartUpload(const FakeRequest& request, const std::string& repository) {
  std::string mounted = Parameter(request, "mount");
  auto other = blobs.find(Parameter(request, "from") + "@" + mounted);
  if (mounts && !mounted.empty() && other != blobs.end()) {
    blobs[repository + "@" + mounted] = std::string(other->second);
    return {201, {"Location: /v2/" + repository + "/blobs/" + mounted}, ""};
  }
  FakeResponse response = Located(202, repository, std::to_string(next_upload_++));
  if (shortest_piece > 0)
    response.headers.push_back("OCI-Chunk-Min-Length: " + std::to_string(shortest_piece));
  return response;
}

FakeResponse FakeRegistry::AnswerUpload(const FakeRequest& request, const std::string& repository,
                                        const std::string& id) {
  if (!uploads_.contains(id)) return {404, {}, R"({"errors":[{"code":"BLOB_UPLOAD_UNKNOWN"}]})"};
  std::string& content = uploads_[id];
  if (request.method == "GET") return Located(204, repository, id);
  std::string range = request.Header("content-range");
  if (!range.empty() && std::stoul(range) != content.size()) return {416, {}, ""};
  content += request.body;
  if (request.method == "PATCH") return Located(202, repository, id);
  std::string digest = Parameter(request, "digest");
  if (*Sha256Of(content) != digest) return {400, {}, R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
  blobs[repository + "@" + digest] = std::move(content);
  uploads_.erase(id);
  return {201, {"Docker-Content-Digest: " + digest}, ""};
}

}  // namespace davit::images
