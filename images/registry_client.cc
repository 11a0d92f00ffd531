// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/registry_client.h"

#include <algorithm>
#include <atomic>

#include "base/json_object.h"
#include "images/digest.h"

namespace davit::images {
namespace {

constexpr size_t kMaxDocument = 8 << 20;
constexpr int kMaxRedirects = 10;
constexpr int kMaxLogins = 2;  // an expired token, then a fresh one

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Code CodeOfStatus(int status) {
  switch (status) {
    case 401:
      return Code::kUnauthenticated;
    case 403:
      return Code::kPermissionDenied;
    case 404:
      return Code::kNotFound;
    case 429:
      return Code::kUnavailable;
    default:
      return status >= 500 ? Code::kUnavailable : Code::kInternal;
  }
}

// The registry's own word for what is wrong ("MANIFEST_UNKNOWN"). Nothing else of the body is passed on: a
// server may echo what it was sent.
std::string RegistryErrorCode(const HttpResponse& response) {
  auto document = JsonObject::Parse(response.body, "registry error");
  if (!document) return {};
  for (JsonObject& error : document->Objects("errors")) {
    std::string code = error.String("code");
    bool plain = !code.empty() && code.size() <= 64 && std::all_of(code.begin(), code.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || c == '_';
    });
    if (plain) return code;
  }
  return {};
}

// Digests and counts a blob on its way to the sink.
class VerifyingSink : public BodySink {
 public:
  VerifyingSink(const Descriptor& descriptor, BlobSink& sink, Hasher hasher)
      : descriptor_(descriptor), sink_(sink), hasher_(std::move(hasher)) {}

  Result<> Write(std::string_view piece) override {
    size_ += static_cast<int64_t>(piece.size());
    if (size_ > descriptor_.size) return Mismatch("is longer than the manifest says");
    hasher_.Update(piece);
    auto written = sink_.Write(piece);
    if (!written) sink_failed_ = true;
    return written;
  }

  Result<> Verify() {
    if (size_ < descriptor_.size) {
      return Mismatch("ends after " + std::to_string(size_) + " of " + std::to_string(descriptor_.size) +
                      " bytes");
    }
    std::string digest = hasher_.Finish();
    if (digest != descriptor_.digest) return Mismatch("has digest " + digest);
    return {};
  }

  bool sink_failed() const { return sink_failed_; }

 private:
  static std::unexpected<Error> Mismatch(std::string_view why) { return Fail(Code::kDataLoss, "", "", why); }

  const Descriptor& descriptor_;
  BlobSink& sink_;
  Hasher hasher_;
  int64_t size_ = 0;
  bool sink_failed_ = false;
};

class StringSink : public BlobSink {
 public:
  Result<> Begin() override {
    text_.clear();
    return {};
  }
  Result<> Write(std::string_view piece) override {
    text_ += piece;
    return {};
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

}  // namespace

struct RegistryClient::Server {
  RegistryHost host;
  ClientTls tls;
  std::atomic<bool> plain_http = false;  // learnt from a host with http_fallback
};

struct RegistryClient::Object {
  std::string kind;  // "manifests" or "blobs"
  std::string name;  // tag or digest
  bool by_tag = false;
};

RegistryClient::RegistryClient(Reference reference, HttpClient::Limits limits, ProxySettings proxies,
                               const Interrupt& interrupt)
    : reference_(std::move(reference)), interrupt_(interrupt), http_(limits, std::move(proxies)) {}

RegistryClient::~RegistryClient() = default;

Result<std::unique_ptr<RegistryClient>> RegistryClient::Create(Reference reference,
                                                               std::vector<RegistryHost> hosts,
                                                               const std::optional<RegistryAuth>& auth,
                                                               HttpClient::Limits limits,
                                                               const Interrupt& interrupt) {
  std::unique_ptr<RegistryClient> client(
      new RegistryClient(std::move(reference), limits, TRY(ProxySettings::OfThisProcess()), interrupt));
  client->authorizer_ = TRY(Authorizer::Create(client->http_, auth, client->reference_.repository));
  for (RegistryHost& host : hosts) {
    auto server = std::make_unique<Server>();
    server->tls = TRY(LoadTls(host.tls));
    server->host = std::move(host);
    client->servers_.push_back(std::move(server));
  }
  return client;
}

// One request with the right headers, logged in when the server asks for it. A host that was reached by a
// redirect to another origin gets nothing but the request itself.
Result<HttpResponse> RegistryClient::GetAuthorized(Server& server, const Object& object, const Url& url,
                                                   bool redirected, BodySink* sink) {
  OutgoingRequest request;
  request.url = url;
  request.body_limit = kMaxDocument;
  request.connect_timeout_ms = server.host.dial_timeout_ms;
  ClientTls foreign_tls{server.tls.ca_pem, "", "", server.tls.skip_verify};
  request.tls = redirected ? &foreign_tls : &server.tls;
  if (object.kind == "manifests") request.headers.emplace_back("Accept", kManifestMediaTypes);
  if (redirected) return http_.Send(request, interrupt_, sink);

  for (const auto& header : server.host.headers) request.headers.push_back(header);
  size_t plain_headers = request.headers.size();
  for (int login = 0;; ++login) {
    std::string authorization = authorizer_->HeaderFor(url.Origin());
    request.headers.resize(plain_headers);
    if (!authorization.empty()) request.headers.emplace_back("Authorization", authorization);
    HttpResponse response = TRY(http_.Send(request, interrupt_, sink));
    if (response.status != 401 || login == kMaxLogins) return response;
    TRY(authorizer_->Answer(url, response.Headers("www-authenticate"), authorization, request.tls,
                            interrupt_));
  }
}

Result<HttpResponse> RegistryClient::GetFollowing(Server& server, const Object& object, const Url& first,
                                                  BodySink* sink) {
  Url url = first;
  for (int hops = 0; hops <= kMaxRedirects; ++hops) {
    HttpResponse response = TRY(GetAuthorized(server, object, url, url.Origin() != first.Origin(), sink));
    if (!IsRedirect(response.status)) return response;
    auto next = ResolveUrl(url, response.Header("location"));
    if (!next) return Fail(Code::kUnavailable, "", "", "redirects to no usable address");
    if (url.scheme == "https" && next->scheme != "https") {
      return Fail(Code::kUnavailable, "", "", "redirects from https to plain http");
    }
    url = std::move(*next);
  }
  return Fail(Code::kUnavailable, "", "", "redirects too often");
}

// The answer 200 to a GET of the object, or an error.
Result<HttpResponse> RegistryClient::Get(Server& server, const Object& object, BodySink* sink) {
  RegistryHost host = server.host;
  if (server.plain_http) host.scheme = "http";
  std::string text = host.BaseUrl() + "/" + reference_.repository + "/" + object.kind + "/" + object.name;
  // A mirror for several registries is told which one is meant.
  bool upstream =
      host.host == reference_.host || (reference_.host == "docker.io" && host.host == "registry-1.docker.io");
  if (!upstream) text += "?ns=" + EncodeQueryValue(reference_.host);
  Url url = TRY(ParseUrl(text));
  HttpResponse response = TRY(GetFollowing(server, object, url, sink));
  if (response.not_tls) {
    if (!host.http_fallback || server.plain_http.exchange(true)) {
      return Fail(Code::kUnavailable, "", "", "does not speak TLS");
    }
    return Get(server, object, sink);
  }
  if (response.status == 200) return response;
  std::string why = "answered " + std::to_string(response.status);
  if (std::string code = RegistryErrorCode(response); !code.empty()) why += " " + code;
  return Fail(CodeOfStatus(response.status), "", "", why);
}

Result<> RegistryClient::FromAnyServer(const Object& object, const std::function<Result<>(Server&)>& fetch) {
  std::string separator = object.name.find(':') == std::string::npos ? ":" : "@";
  std::string what = reference_.Name() + separator + object.name;
  Error last = Fail(Code::kNotFound, "", "", "no configured server may serve it").error();
  std::string earlier;
  for (const std::unique_ptr<Server>& server : servers_) {
    if (object.by_tag ? !server->host.resolve : !server->host.pull) continue;
    auto fetched = fetch(*server);
    if (fetched) return {};
    if (!last.subject.empty())
      earlier += (earlier.empty() ? " (before: " : "; ") + last.subject + " " + last.context;
    last = std::move(fetched).error();
    if (auto check = interrupt_.Check(); !check)
      return std::unexpected(Within("fetch " + what, check.error()));
    // The transport's errors name the host; ours do not yet.
    if (last.step.empty() || last.subject.empty()) last.subject = server->host.host;
  }
  if (!earlier.empty()) last.context += earlier + ")";
  std::string detail = last.subject;
  if (!last.step.empty()) detail = last.step + " " + detail;
  Error error{last.code, last.os_errno, "fetch", what, detail + ": " + last.context};
  if (error.code == Code::kUnavailable) error.reason = Reason::kRegistryUnavailable;
  return std::unexpected(std::move(error));
}

Result<ManifestDocument> RegistryClient::FetchManifest(const std::string& tag_or_digest) {
  Object object{"manifests", tag_or_digest, !IsDigest(tag_or_digest)};
  ManifestDocument document;
  TRY(FromAnyServer(object, [&](Server& server) -> Result<> {
    HttpResponse response = TRY(Get(server, object, nullptr));
    std::string expected = object.by_tag ? response.Header("docker-content-digest") : object.name;
    Hasher hasher = TRY(Hasher::For(IsDigest(expected) ? expected : ""));
    hasher.Update(response.body);
    document.digest = hasher.Finish();
    if (IsDigest(expected) && document.digest != expected) {
      return Fail(Code::kDataLoss, "", "",
                  "sent a manifest with digest " + document.digest + " for " + expected);
    }
    std::string type = response.Header("content-type");
    document.media_type = type.substr(0, type.find_first_of("; "));
    document.bytes = std::move(response.body);
    return {};
  }));
  return document;
}

Result<> RegistryClient::FetchBlob(const Descriptor& descriptor, BlobSink& sink) {
  Object object{"blobs", descriptor.digest, false};
  std::optional<Error> sink_error;
  auto fetched = FromAnyServer(object, [&](Server& server) -> Result<> {
    if (sink_error) return std::unexpected(*sink_error);  // another server cannot help
    if (auto begun = sink.Begin(); !begun) {
      sink_error = std::move(begun).error();
      return std::unexpected(*sink_error);
    }
    VerifyingSink verifying(descriptor, sink, TRY(Hasher::For(descriptor.digest)));
    auto response = Get(server, object, &verifying);
    if (!response) {
      if (verifying.sink_failed()) sink_error = response.error();
      return std::unexpected(std::move(response).error());
    }
    return verifying.Verify();
  });
  if (sink_error) return std::unexpected(std::move(*sink_error));
  return fetched;
}

Result<std::string> RegistryClient::FetchDocument(const Descriptor& descriptor) {
  if (descriptor.size > static_cast<int64_t>(kMaxDocument)) {
    return Fail(Code::kResourceExhausted, "fetch", reference_.Name() + "@" + descriptor.digest,
                "larger than 8 MiB");
  }
  StringSink sink;
  TRY(FetchBlob(descriptor, sink));
  return sink.Take();
}

}  // namespace davit::images
