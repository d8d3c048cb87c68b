//! The stand-in as a program: `weir-apiserver --objects FOLDER --kubeconfig FILE`.

use std::error::Error;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use serde_json::Value;
use weir_apiserver::ApiServer;

/// A stand-in for a Kubernetes API server.
#[derive(Parser)]
struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Objects to begin with: a YAML or JSON file, or a folder of them.
    #[arg(long)]
    objects: Option<PathBuf>,
    /// A folder of custom resource definitions against which objects are checked.
    #[arg(long)]
    schemas: Option<PathBuf>,
    /// A kubeconfig to write.
    #[arg(long)]
    kubeconfig: Option<PathBuf>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let server = match &arguments.schemas {
        Some(folder) => ApiServer::with_schemas(folder)?,
        None => ApiServer::new(),
    };
    if let Some(path) = &arguments.objects {
        load(&server, path)?;
    }
    let running = server.listen(arguments.listen).await?;
    if let Some(path) = &arguments.kubeconfig {
        running.write_kubeconfig(path)?;
    }
    println!("ready on http://{}", running.address());
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Puts the objects of a file, or of all files in a folder in order of their names.
fn load(server: &ApiServer, path: &Path) -> Result<(), Box<dyn Error>> {
    if path.is_dir() {
        let mut inner: Vec<PathBuf> =
            std::fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>()?;
        inner.sort();
        return inner.iter().try_for_each(|path| load(server, path));
    }
    let documents: Vec<Value> = serde_saphyr::from_multiple(&std::fs::read_to_string(path)?)?;
    for document in documents {
        let objects = match document {
            Value::Null => Vec::new(),
            Value::Object(ref fields) if fields.contains_key("items") => {
                document["items"].as_array().cloned().unwrap_or_default()
            }
            object => vec![object],
        };
        for object in objects {
            server.put(object).map_err(|invalid| format!("{}: {invalid}", path.display()))?;
        }
    }
    Ok(())
}
