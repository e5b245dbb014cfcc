//! TLS with a certificate of one's own, over sockets.

use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use eddy_store::Store;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::app::App;
use crate::config::{Config, Tls};
use crate::health::Doorbell;
use crate::jobs::Workers;
use crate::password::Hasher;
use crate::serve::listen;
use crate::tls::server_config;

/// A key that nobody uses: it was made for this test and names `localhost` alone.
fn files() -> Tls {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/tls");
    Tls { certificate: folder.join("certificate.pem"), key: folder.join("key.pem") }
}

fn connector(trusts: Option<&Path>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in trusts.into_iter().flat_map(|path| CertificateDer::pem_file_iter(path).unwrap()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

/// The head and body of an answer.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = Vec::new();
    // A server that hangs up without a word has answered as well.
    let _ = stream.read_to_end(&mut text).await;
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn a_certificate_of_ones_own_is_spoken_with_and_nothing_in_the_clear_is() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap().0;
    store.invite("secret", i64::MAX).unwrap();
    let mut config = Config::default();
    config.server.tls = Some(files());
    let tls = Arc::new(RwLock::new(server_config(&files()).unwrap()));
    let app = App::new(config, None, store, Workers::Thread, Hasher::with_cost((64, 1, 1)));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn({
        let app = app.clone();
        async move { listen(&app, listener, Some(tls)).await }
    });
    let name = ServerName::try_from("localhost").unwrap();
    let connect = async |connector: TlsConnector| {
        connector.connect(name.clone(), TcpStream::connect(address).await.unwrap()).await
    };

    let trusted = files().certificate;
    let stream = connect(connector(Some(&trusted))).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), None, "nobody asked for a protocol");
    let who = r#"{"secret":"secret","name":"anna","password":"correct horse battery"}"#;
    let request = format!(
        "POST /api/v1/setup HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{who}",
        who.len()
    );
    let said = answer(stream, &request).await;
    assert!(said.starts_with("HTTP/1.1 201"), "{said}");
    assert!(said.contains("strict-transport-security: max-age="), "{said}");
    assert!(said.contains("set-cookie: __Host-eddy_session=") && said.contains("; Secure"), "{said}");

    for (tls, well) in [(true, true), (false, false)] {
        let rang = tokio::task::spawn_blocking(move || Doorbell { address, tls }.ring()).await.unwrap();
        assert_eq!(rang.unwrap_or(false), well, "tls: {tls}");
    }
    assert!(connect(connector(None)).await.is_err(), "a stranger's certificate was taken");
    let clear = TcpStream::connect(address).await.unwrap();
    let said = answer(clear, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    assert!(!said.contains("HTTP/1.1"), "{said}");
    app.stop();
    server.await.unwrap();
}

#[test]
fn files_that_do_not_fit_together_are_refused_by_name() {
    let Tls { certificate, key } = files();
    let nowhere = PathBuf::from("/nowhere/at/all.pem");
    for (certificate, key, wanted) in [
        (nowhere.clone(), key.clone(), "/nowhere/at/all.pem"),
        (certificate.clone(), nowhere, "/nowhere/at/all.pem"),
        (key.clone(), key, "there is no certificate"),
        (certificate.clone(), certificate, "certificate.pem"),
    ] {
        let error = server_config(&Tls { certificate, key }).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
    }
}
